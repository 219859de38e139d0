import { NativeSelect, TextInput } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Search } from '../../state/model';

const MODALITIES = [
  'CR', 'CT', 'DX', 'ES', 'IO', 'IVUS', 'MG', 'MR', 'NM', 'OCT', 'OP', 'OT', 'PT', 'PX', 'RF', 'RG', 'RTDOSE',
  'RTPLAN', 'RTSTRUCT', 'SEG', 'SM', 'SR', 'TG', 'US', 'XA',
]; // biome-ignore format: a table

interface Props {
  search: Search;
  onChange: (part: Partial<Search>) => void;
  children?: ReactNode;
}

/** The fields of a search for studies, the same for the archive and for remote nodes. */
export function SearchFields({ search, onChange, children }: Props) {
  const field = (name: keyof Search, label: string, placeholder: string, className = '') => (
    <TextInput
      size="xs"
      className={className}
      label={label}
      placeholder={placeholder}
      name={name}
      value={search[name]}
      maxLength={64}
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => onChange({ [name]: event.currentTarget.value })}
    />
  );
  const day = (name: 'first_date' | 'last_date', label: string) => (
    <TextInput
      size="xs"
      type="date"
      label={label}
      name={name}
      value={search[name]}
      max="9999-12-31"
      onChange={(event) => onChange({ [name]: event.currentTarget.value })}
    />
  );
  return (
    <div className="search">
      {field('patient_name', 'Patient name', 'family, given', 'wide')}
      {field('patient_id', 'Patient ID', 'any part')}
      {field('description', 'Description', 'any part', 'wide')}
      <NativeSelect
        size="xs"
        label="Modality"
        name="modality"
        value={search.modality}
        data={[{ value: '', label: 'all' }, ...MODALITIES]}
        onChange={(event) => onChange({ modality: event.currentTarget.value })}
      />
      {day('first_date', 'From')}
      {day('last_date', 'To')}
      {field('accession', 'Accession', 'any part')}
      <div className="search-more">{children}</div>
    </div>
  );
}
