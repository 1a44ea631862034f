using Cloister.Contracts.Keys;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Rpc;

namespace Cloister.Enclave.Custody;

/// <summary>
/// Asks a remote KMS in the background which KEK version is active, so that Status never makes a call. A refusal (the KEK was
/// disabled, this enclave was shut out) makes Status a gRPC error at once; silence does so after <c>maxStaleness</c>. secrets: none.
/// </summary>
internal sealed class RemoteKekWatch : IAsyncDisposable
{
    private readonly IRemoteKms _kms;
    private readonly RemoteOptions _options;
    private readonly EnclaveLog _log;
    private readonly Action? _refused;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private volatile View _view = new(null, CustodyStatus.Unavailable(StatusCode.Unavailable, "the remote KMS has not answered yet; Status will be ok as soon as it does"));

    internal RemoteKekWatch(IRemoteKms kms, RemoteOptions options, EnclaveLog log, Action? refused = null)
    {
        _kms = kms;
        _options = options;
        _log = log;
        _refused = refused;
        _loop = Task.Run(PollAsync);
    }

    /// <summary>The last answer, and what Status makes of it.</summary>
    internal View Current => _view;

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
                answeredAt = BootTime.Milliseconds;
                Publish(new View(kek, CustodyStatus.Ready(kek.Active)));
            }
            catch (RemoteKmsException e) when (e.Failure != RemoteKmsFailure.Unavailable)
            {
                wait = _options.RetryInterval;
                Publish(new View(null, CustodyStatus.Unavailable(StatusCode.FailedPrecondition, $"the remote KMS refuses: {e.Message}")));
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
                Silent(TimeSpan.FromMilliseconds(BootTime.Milliseconds - answeredAt));
            }

            await _kms.WaitAsync(wait, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Silent(TimeSpan since)
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        string text = $"the remote KMS has not answered for {(int)since.TotalSeconds} s; check that it runs and can be reached";
        View view = _view;
        Publish(view.Kek is null || since > _options.MaxStaleness
            ? new View(null, CustodyStatus.Unavailable(StatusCode.Unavailable, text))
            : new View(view.Kek, new CustodyStatus(KeyId.Format(view.Kek.Active), text)));
    }

    private void Publish(View view)
    {
        if (view.Status != _view.Status)
        {
            _log.StatusChanged(view.Status.KeyId ?? "none", view.Status.Healthz);
        }

        _view = view;
    }

    /// <summary>One answer, immutable.</summary>
    internal sealed record View(RemoteKek? Kek, CustodyStatus Status)
    {
        internal KeyFingerprint Active => (Kek ?? throw Status.ToException()).Active;
    }
}
