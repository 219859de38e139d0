import { Tooltip } from '@mantine/core';
import type { ReactNode } from 'react';

interface Props {
  label: string;
  shortcut?: string;
  pressed?: boolean;
  disabled?: boolean;
  onClick: () => void;
  children: ReactNode;
}

/** A square icon button with an accessible name, its key and a tooltip. */
export function ToolButton({ label, shortcut, pressed, disabled, onClick, children }: Props) {
  const text = shortcut ? `${label} (${shortcut})` : label;
  return (
    <Tooltip label={text} openDelay={350} withArrow>
      <button
        type="button"
        className="tool"
        aria-label={label}
        aria-pressed={pressed}
        aria-keyshortcuts={shortcut}
        disabled={disabled}
        onClick={onClick}
      >
        {children}
      </button>
    </Tooltip>
  );
}
