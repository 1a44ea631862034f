using System.Net.Security;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Leases;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// The gateway's serving certificate, which a broker issues to an enclave that has a lease, for the key that its evidence names: asked for at every
/// renewal, not used past the lease that it was issued for, given up when KEKs are wiped. Source: docs/broker-protocol.md, "Certificate". Thread-safe.
/// secrets: refers to the session's serving key, which is in .NET's TLS as well.
/// </summary>
internal sealed class LeasedCertificate : IAsyncDisposable
{
    // Less than gRPC in Go gives a connection: who waits has it as soon as the certificate is there, who is refused comes back later and later.
    private const int TimeoutMilliseconds = 15_000;
    private const int LookMilliseconds = 250;
    private const int MaxRetryMilliseconds = 30_000;

    private readonly LeaseSource _source;
    private readonly EnclaveLog _log;
    private readonly Action _withdrawn;
    private readonly LogRateLimiter _refusals = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private volatile Issued? _issued;
    private volatile string _failure = "";

    /// <summary>Begins to ask.</summary>
    /// <param name="source">Lease and broker; not owned.</param>
    /// <param name="withdrawn">Called when the lease of a certificate is gone before another takes its place: connections are to be closed.</param>
    /// <param name="log">Log.</param>
    internal LeasedCertificate(LeaseSource source, Action withdrawn, EnclaveLog log)
    {
        _source = source;
        _withdrawn = withdrawn;
        _log = log;
        _loop = Task.Run(KeepAsync);
    }

    /// <summary>The certificate for a handshake. Waits for the first one, not when a broker did not give it.</summary>
    /// <param name="wanted">False once nobody waits for it.</param>
    /// <exception cref="IOException">There is none; the log says why.</exception>
    internal SslStreamCertificateContext Take(Func<bool> wanted)
    {
        long until = Environment.TickCount64 + TimeoutMilliseconds;
        while (true)
        {
            if (_issued is { } issued && _source.Lease is { } held && IsOf(issued, held) && held.Now < issued.Lease.Terms.Expires)
            {
                return issued.Context;
            }

            if (!wanted() || _failure.Length > 0 || _stop.IsCancellationRequested || Environment.TickCount64 > until)
            {
                break;
            }

            Thread.Sleep(LookMilliseconds / 5);
        }

        if (_refusals.TryAcquire(out long suppressed))
        {
            _log.NoServingCertificate(_failure.Length > 0 ? _failure : _source.Problem, suppressed);
        }

        throw new IOException("no serving certificate");
    }

    /// <summary>When the certificate that is in use ends; null when there is none.</summary>
    internal DateTime? Expires => _issued?.Context.TargetCertificate.NotAfter;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private static bool IsOf(Issued issued, HeldLease held) => issued.Lease.Terms.Lease == held.Terms.Lease;

    private async Task KeepAsync()
    {
        int failures = 0;
        long retryAt = 0;
        while (!_stop.IsCancellationRequested)
        {
            HeldLease? held = _source.Lease;
            if (_issued is { } old && (held is null || !IsOf(old, held)))
            {
                // Wiped. When a lease is here already, it is another one: what was decrypted under the old one must not go on.
                _issued = null;
                _log.ServingCertificateWithdrawn();
                _withdrawn();
            }

            if (held is { IsRestored: false } && held != _issued?.Lease && held.Now < held.Terms.Expires && Environment.TickCount64 >= retryAt)
            {
                failures = await TryIssueAsync(held) ? 0 : failures + 1;
                retryAt = failures == 0 ? 0 : Environment.TickCount64 + Math.Min(MaxRetryMilliseconds, 1000L << Math.Min(failures - 1, 5));
            }

            await Task.Delay(LookMilliseconds, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> TryIssueAsync(HeldLease held)
    {
        try
        {
            ServingCertificate issued = await _source.IssueAsync(held, _stop.Token);
            _issued = new Issued(issued.Context, held);
            _failure = "";
            _log.ServingCertificate(issued.Serial, held.Terms.Lease, held.Terms.Expires);
            return true;
        }
        catch (NotIssuedException e)
        {
            _failure = e.Message;
            _log.ServingCertificateNotIssued(e.Message);
        }
        catch (Exception e)
        {
            if (!_stop.IsCancellationRequested)
            {
                _failure = $"fault of this program: {e.GetType().Name}";
                _log.Fault("asking for a serving certificate", e);
            }
        }

        return false;
    }

    private sealed record Issued(SslStreamCertificateContext Context, HeldLease Lease);
}
