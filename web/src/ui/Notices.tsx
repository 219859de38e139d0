import { Alert } from '@mantine/core';
import { hasPlanes } from '../state/reducers';
import { getState, patch } from '../state/store';
import { useMedvox } from './useMedvox';

/** What went wrong, above the page. */
export function Notices() {
  const errors = useMedvox((s) => s.errors);
  const capabilities = useMedvox((s) => s.capabilities);
  const session = useMedvox((s) => s.session);
  const planes = useMedvox((s) => s.info !== null && hasPlanes(s.info));
  const layout = useMedvox((s) => s.layout);
  const dismiss = (index: number) =>
    patch({ errors: getState().errors.filter((_, n) => n !== index) });
  return (
    <div className="notices" aria-live="polite">
      {session?.state === 'failed' && session.error && (
        <Alert color="red" variant="filled" title={session.error.what}>
          {session.error.advice}
        </Alert>
      )}
      {capabilities && !capabilities.webgl2 && (
        <Alert color="yellow" title="This browser has no WebGL2" data-notice="webgl2">
          {planes && layout !== 'stack'
            ? '3D is rendered by the server. Stored slices work without WebGL2.'
            : 'Slices are drawn without it; planes are not available.'}{' '}
          Turn on hardware acceleration or use a current browser.
        </Alert>
      )}
      {errors.map((error, index) => (
        <Alert
          key={`${error.what} ${error.where}`}
          color="red"
          role="alert"
          title={error.what}
          withCloseButton
          closeButtonLabel="Dismiss"
          onClose={() => dismiss(index)}
        >
          <div className="quiet" style={{ overflowWrap: 'anywhere' }}>
            {error.where}
          </div>
          {error.advice}
        </Alert>
      ))}
    </div>
  );
}
