/** A PDF of pages with one JPEG picture and lines of text each (ISO 32000-1), without any library. */

export interface PdfPage {
  title: string;
  lines: string[];
  /** JPEG file. */
  jpeg: Uint8Array;
  width: number;
  height: number;
}

/** A4, points. */
const [PAGE_WIDTH, PAGE_HEIGHT, MARGIN] = [595, 842, 42];
const LINE_HEIGHT = 13;
const MOST_LINES = 30;

/** WinAnsi text of a string object; what the encoding lacks becomes a question mark. */
function pdfText(text: string): string {
  const plain = text
    .replace(/[–—]/g, '-')
    .replace(/≥/g, '>=')
    .replace(/×/g, 'x')
    .replace(/…/g, '...');
  const latin = [...plain].map((c) => (c.codePointAt(0)! < 256 ? c : '?')).join('');
  return latin.replace(/[\\()]/g, (c) => `\\${c}`).replace(/[\r\n]+/g, ' ');
}

export function makePdf(pages: PdfPage[], title: string): Uint8Array {
  const parts: Uint8Array[] = [];
  const offsets: number[] = [];
  let length = 0;
  const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0) & 255);
  const write = (part: string | Uint8Array): void => {
    const bytes = typeof part === 'string' ? latin1(part) : part;
    parts.push(bytes);
    length += bytes.length;
  };
  const object = (number: number, ...body: (string | Uint8Array)[]): void => {
    offsets[number] = length;
    write(`${number} 0 obj\n`);
    for (const part of body) write(part);
    write('\nendobj\n');
  };
  write('%PDF-1.4\n%\xe2\xe3\xcf\xd3\n');
  const pageNumber = (n: number): number => 5 + 3 * n;
  const kids = pages.map((_, n) => `${pageNumber(n)} 0 R`).join(' ');
  object(1, '<< /Type /Catalog /Pages 2 0 R >>');
  object(2, `<< /Type /Pages /Count ${pages.length} /Kids [${kids}] >>`);
  object(3, '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>');
  object(4, `<< /Title (${pdfText(title)}) /Producer (medvox) >>`);
  pages.forEach((page, n) => {
    const number = pageNumber(n);
    const content = contentOf(page);
    const box = `/MediaBox [0 0 ${PAGE_WIDTH} ${PAGE_HEIGHT}]`;
    const uses = `/Resources << /Font << /F 3 0 R >> /XObject << /I ${number + 2} 0 R >> >>`;
    object(number, `<< /Type /Page /Parent 2 0 R ${box} ${uses} /Contents ${number + 1} 0 R >>`);
    object(number + 1, `<< /Length ${content.length} >>\nstream\n`, content, '\nendstream');
    const image = `/Subtype /Image /Width ${page.width} /Height ${page.height} /ColorSpace /DeviceRGB`;
    const coded = `/BitsPerComponent 8 /Filter /DCTDecode /Length ${page.jpeg.length}`;
    object(
      number + 2,
      `<< /Type /XObject ${image} ${coded} >>\nstream\n`,
      page.jpeg,
      '\nendstream',
    );
  });
  const start = length;
  const count = 5 + 3 * pages.length;
  write(`xref\n0 ${count}\n0000000000 65535 f \n`);
  for (let n = 1; n < count; n++) write(`${String(offsets[n]).padStart(10, '0')} 00000 n \n`);
  write(`trailer\n<< /Size ${count} /Root 1 0 R /Info 4 0 R >>\nstartxref\n${start}\n%%EOF\n`);
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function contentOf({ title, lines, width, height }: PdfPage): string {
  const shown = lines.slice(0, MOST_LINES);
  const room = PAGE_HEIGHT - 2 * MARGIN - 34 - shown.length * LINE_HEIGHT;
  const scale = Math.min((PAGE_WIDTH - 2 * MARGIN) / width, room / height);
  const [w, h] = [width * scale, height * scale].map((x) => x.toFixed(2));
  const top = PAGE_HEIGHT - MARGIN - 24;
  const below = top - Number(h) - 18;
  const text = shown.map((line) => `(${pdfText(line)}) Tj T*`).join('\n');
  return [
    `q ${w} 0 0 ${h} ${MARGIN} ${(top - Number(h)).toFixed(2)} cm /I Do Q`,
    `BT /F 14 Tf ${MARGIN} ${PAGE_HEIGHT - MARGIN - 8} Td (${pdfText(title)}) Tj ET`,
    `BT /F 9 Tf ${LINE_HEIGHT} TL ${MARGIN} ${below.toFixed(2)} Td\n${text}\nET`,
  ].join('\n');
}
