using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Custody;

/// <summary>
/// Asks a remote KMS in the background which KEK version is active, and to unwrap something now and then, so that Status never makes a call and a denied
/// unwrap is known before a read fails. A refusal (the KEK was disabled, this enclave was shut out) makes Status a gRPC error at once; silence does so
/// after <c>maxStaleness</c>. secrets: none.
/// </summary>
public sealed class RemoteKekWatch : IAsyncDisposable
{
    private readonly IRemoteKms _kms;
    private readonly EnvelopeContext _context;
    private readonly RemoteOptions _options;
    private readonly EnclaveLog _log;
    private readonly Action? _refused;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private (KeyFingerprint Kek, byte[]? Wrapped, long Until, RemoteKmsException? Failure) _trial;
    private volatile View _view = new(null, CustodyStatus.Unavailable(StatusReason.KmsSilent, FailureKind.Unavailable, "the remote KMS has not answered yet; Status will be ok as soon as it does"));

    /// <summary>Starts asking; <paramref name="refused"/> is called when the KMS refuses.</summary>
    public RemoteKekWatch(IRemoteKms kms, EnvelopeContext context, RemoteOptions options, EnclaveLog log, Action? refused = null)
    {
        _kms = kms;
        _context = context.For(EnvelopeContext.TrialPurpose);
        _options = options;
        _log = log;
        _refused = refused;
        _loop = Task.Run(PollAsync);
    }

    /// <summary>The last answer, and what Status makes of it.</summary>
    public View Current => _view;

    /// <summary>Stops asking.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private async Task PollAsync()
    {
        long answeredAt = BootTime.Milliseconds;
        while (!_stop.IsCancellationRequested)
        {
            TimeSpan wait = _options.PollInterval;
            try
            {
                using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
                deadline.CancelAfter(_options.Timeout);
                RemoteKek kek = await _kms.DescribeAsync(deadline.Token);
                await TryUnwrapAsync(kek.Active, deadline);
                answeredAt = BootTime.Milliseconds;
                Publish(new View(kek, CustodyStatus.Ready(kek.Active)));
            }
            catch (RemoteKmsException e) when (e.Failure != RemoteKmsFailure.Unavailable)
            {
                wait = _options.RetryInterval;
                Publish(new View(null, CustodyStatus.Unavailable(StatusReason.KmsRefuses, FailureKind.NotReady, $"the remote KMS refuses: {e.Message}")));
                _refused?.Invoke();
            }
            catch (Exception e)
            {
                // Whatever it was, the watch goes on: if it ended, Status would stay ok for ever.
                if (e is not (RemoteKmsException or OperationCanceledException))
                {
                    _log.Fault("asking the remote KMS", e);
                }

                wait = _options.RetryInterval;
                Silent(TimeSpan.FromMilliseconds(BootTime.Milliseconds - answeredAt), (e as RemoteKmsException)?.Message);
            }

            await _kms.WaitAsync(wait, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // It counts like any other use: once in a while, and not each time that something is looked at.
    private async ValueTask TryUnwrapAsync(KeyFingerprint kek, CancellationTokenSource deadline)
    {
        long now = BootTime.Milliseconds;
        if (kek == _trial.Kek && now < _trial.Until)
        {
            if (_trial.Failure is { } failed)
            {
                throw failed;
            }

            return;
        }

        byte[]? wrapped = kek == _trial.Kek ? _trial.Wrapped : null;
        try
        {
            deadline.CancelAfter(_options.Timeout); // each call has its own
            wrapped ??= (await _kms.EncryptAsync(kek, _context, [new byte[1]], deadline.Token))[0];
            deadline.CancelAfter(_options.Timeout);
            await _kms.DecryptAsync(kek, _context, wrapped, new byte[16], deadline.Token);
            _trial = (kek, wrapped, now + (long)_options.TrialInterval.TotalMilliseconds, null);
        }
        catch (Exception e) when (e is RemoteKmsException or OperationCanceledException)
        {
            RemoteKmsException failure = new((e as RemoteKmsException)?.Failure ?? RemoteKmsFailure.Unavailable, $"trying an unwrap: {e.Message}");
            _trial = (kek, wrapped, now + (long)_options.PollInterval.TotalMilliseconds, failure);
            throw failure;
        }
    }

    private void Silent(TimeSpan since, string? detail)
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        string text = $"the remote KMS has not answered for {(int)since.TotalSeconds} s; check that it runs and can be reached{(detail is null ? "" : $": {detail}")}";
        View view = _view;
        Publish(view.Kek is null || since > _options.MaxStaleness
            ? new View(null, CustodyStatus.Unavailable(StatusReason.KmsSilent, FailureKind.Unavailable, text))
            : new View(view.Kek, new CustodyStatus(KeyId.Format(view.Kek.Active), text, Reason: StatusReason.KmsSilent)));
    }

    private void Publish(View view)
    {
        if (view.Status != _view.Status)
        {
            _log.StatusChanged(view.Status.KeyId ?? "none", view.Status.Healthz);
        }

        _view = view;
    }

    /// <summary>One answer of the KMS, or null before the first; and what Status makes of it. Immutable.</summary>
    public sealed record View(RemoteKek? Kek, CustodyStatus Status)
    {
        /// <summary>The KEK that writes use.</summary>
        /// <exception cref="FailureException">There is none now.</exception>
        public KeyFingerprint Active => (Kek ?? throw Status.ToException()).Active;
    }
}
