using Cloister.Enclave.Base;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// Looks every other second whether certificate files changed: the next handshakes have the new ones, open connections stay. By looking, since
/// not every TEE's file system says when something changes. secrets: none of its own.
/// </summary>
internal sealed class TlsFileWatch : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly GatewayTls _tls;
    private readonly GatewayCounters _counters;
    private readonly EnclaveLog _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    internal TlsFileWatch(GatewayTls tls, GatewayCounters counters, EnclaveLog log)
    {
        _tls = tls;
        _counters = counters;
        _log = log;
        _loop = Task.Run(LookAsync);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_loop.IsCompleted)
        {
            await _stop.CancelAsync();
            await _loop;
            _stop.Dispose();
        }
    }

    private async Task LookAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            await Task.Delay(Interval, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (ITlsFiles files in _tls.Files)
            {
                Look(files);
            }
        }
    }

    private void Look(ITlsFiles files)
    {
        try
        {
            if (files.Look())
            {
                _counters.TlsFilesTaken();
                _log.TlsFilesTaken(files.Field);
            }
        }
        catch (StartException e)
        {
            _counters.TlsFilesRefused();
            _log.TlsFilesRefused(e.Message);
        }
        catch (Exception e)
        {
            // Whatever it was, the next look may be better; the old files are in use.
            _counters.TlsFilesRefused();
            _log.Fault("reading certificate files", e);
        }
    }
}
