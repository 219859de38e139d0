import { Button } from '@mantine/core';
import { useState } from 'react';
import { errorBody } from '../../data/api';
import { archive } from '../../data/archive';

type Answer = { ok: true; text: string } | { ok: false; text: string };

/** Calls a node and says how long it took to answer, or why it did not. */
export function EchoButton({ node }: { node: string }) {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [asking, setAsking] = useState(false);
  const ask = async () => {
    setAsking(true);
    try {
      const { seconds } = await archive.echo(node);
      setAnswer({ ok: true, text: `${Math.max(1, Math.round(seconds * 1000))} ms` });
    } catch (error) {
      setAnswer({ ok: false, text: errorBody(error, node).what });
    } finally {
      setAsking(false);
    }
  };
  return (
    <span className="echo">
      <Button size="compact-xs" variant="default" loading={asking} onClick={() => void ask()}>
        Echo
      </Button>
      {answer && (
        <span className={answer.ok ? 'well' : 'ill'} title={answer.text} role="status">
          {answer.text}
        </span>
      )}
    </span>
  );
}
