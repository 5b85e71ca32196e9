import { useState } from 'react';
import type { ReactElement, SubmitEvent } from 'react';
import { Confirm } from '../cluster/parts.tsx';
import type { MediaPurge } from './media-client.ts';

const textOf = (form: FormData, name: string): string => (form.get(name) as string).trim();

/** Keeps a file of the user's under a name. */
export function UploadForm({
  onUpload,
}: {
  readonly onUpload: (name: string, file: File) => Promise<void>;
}): ReactElement {
  return (
    <form
      className="card watch watch-form"
      data-testid="media-upload"
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        const given = new FormData(form);
        void onUpload(textOf(given, 'name'), given.get('file') as File);
      }}
    >
      <label className="field">
        Audio file
        <input name="file" type="file" accept="audio/*,.ulaw,.alaw,.gsm" required data-testid="upload-file" />
      </label>
      <label className="field">
        Name
        <input name="name" required pattern="[\w.\-]{1,100}" placeholder="welcome" data-testid="upload-name" />
      </label>
      <button type="submit" className="button primary" data-testid="upload-submit">
        Upload
      </button>
    </form>
  );
}

const BY = [
  ['url', 'Address'],
  ['prefix', 'Addresses that begin with'],
  ['tag', 'Tag'],
  ['everything', 'Everything, uploads too'],
] as const;
type By = (typeof BY)[number][0];

/** Drops what was fetched, by address, its beginning or its tag. */
export function PurgeForm({ onPurge }: { readonly onPurge: (what: MediaPurge) => Promise<void> }): ReactElement {
  const [by, setBy] = useState<By>('url');
  const [asks, setAsks] = useState(false);
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (by === 'everything') setAsks(true);
    else void onPurge({ [by]: textOf(new FormData(event.currentTarget), 'what') } as MediaPurge);
  };
  return (
    <>
      <form className="card watch watch-form" data-testid="media-purge" onSubmit={submit}>
        <label className="field">
          Purge
          <select
            value={by}
            onChange={(event) => {
              setBy(event.target.value as By);
            }}
            data-testid="purge-by"
          >
            {BY.map(([value, text]) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        </label>
        {by !== 'everything' && (
          <label className="field">
            {by === 'tag' ? 'Tag' : 'Address'}
            <input name="what" required minLength={by === 'prefix' ? 8 : 1} data-testid="purge-what" />
          </label>
        )}
        <button type="submit" className="button" data-testid="purge-submit">
          Purge
        </button>
      </form>
      {asks && (
        <Confirm
          question="Purge everything?"
          action="Purge"
          onCancel={() => {
            setAsks(false);
          }}
          onConfirm={() => {
            setAsks(false);
            void onPurge({ everything: true });
          }}
        >
          <p>Uploads are gone then, and what was fetched or spoken is made anew when a call asks for it.</p>
        </Confirm>
      )}
    </>
  );
}
