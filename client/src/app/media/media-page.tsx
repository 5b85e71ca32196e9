import { useCallback, useMemo, useState } from 'react';
import type { ReactElement } from 'react';
import { formatTenth, plural } from '../cluster/cluster-format.ts';
import { usePoll } from '../cluster/use-poll.ts';
import '../cluster/cluster.css';
import { MediaClient } from './media-client.ts';
import type { MediaCredentials } from './media-client.ts';
import { MediaFigures } from './media-figures.tsx';
import { PurgeForm, UploadForm } from './media-forms.tsx';
import { MediaSignIn } from './media-sign-in.tsx';

const EVERY_MS = 5000;

/** For whoever has the credentials of an account: its media, and what the media layer did for it. */
export function MediaPage(): ReactElement {
  const [credentials, setCredentials] = useState<MediaCredentials>();
  const [problem, setProblem] = useState<string>();
  if (credentials === undefined) return <MediaSignIn problem={problem} onCredentials={setCredentials} />;
  return (
    <AccountMedia
      credentials={credentials}
      onSignOut={(why) => {
        setProblem(why);
        setCredentials(undefined);
      }}
    />
  );
}

interface AccountMediaProps {
  readonly credentials: MediaCredentials;
  /** @param why undefined: the user wants it */
  readonly onSignOut: (why: string | undefined) => void;
}

function AccountMedia({ credentials, onSignOut }: AccountMediaProps): ReactElement {
  const client = useMemo(() => new MediaClient(credentials), [credentials]);
  const use = usePoll(
    useCallback(() => client.use(), [client]),
    EVERY_MS,
    onSignOut,
  );
  const [outcome, setOutcome] = useState<string>();
  const run = async (work: () => Promise<string>): Promise<void> => {
    try {
      setOutcome(await work());
    } catch (error) {
      setOutcome(error instanceof Error ? error.message : String(error));
    }
    await use.refresh();
  };
  return (
    <div className="page" data-testid="media-page">
      <header className="top">
        <h1>Media</h1>
        <p className="who">{credentials.user}</p>
        <a className="button small quiet" href="#">
          Softphone
        </a>
        <button
          type="button"
          className="button small quiet"
          onClick={() => {
            onSignOut(undefined);
          }}
        >
          Sign out
        </button>
      </header>
      <main className="console">
        {use.problem !== undefined && (
          <p className="note" role="status">
            Not up to date: {use.problem}
          </p>
        )}
        <MediaFigures use={use.value} />
        <p role="status" data-testid="media-outcome">
          {outcome}
        </p>
        <UploadForm
          onUpload={(name, file) =>
            run(async () => `${name} is kept: ${formatTenth(await client.upload(name, file))} s of audio.`)
          }
        />
        <PurgeForm onPurge={(what) => run(async () => `${plural(await client.purge(what), 'source')} dropped.`)} />
      </main>
    </div>
  );
}
