using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody.Leases;
using Cloister.Kbs;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>
/// Authorities that the lease of the default KEK names, signed by the broker's authority key: taken up with each renewal, none without a lease. Source:
/// docs/broker-protocol.md, "Lease". Thread-safe. secrets: none.
/// </summary>
/// <param name="name">Their name in the configuration.</param>
/// <param name="source">The lease; not owned.</param>
/// <param name="which">Those of a lease.</param>
/// <param name="policy">How chains are built with them.</param>
/// <param name="log">Log.</param>
internal sealed class LeasedAuthorities(
    string name, LeaseSource source, Func<GatewayTrust, IReadOnlyList<byte[]>> which, Func<X509Certificate2Collection, X509ChainPolicy> policy, EnclaveLog log)
{
    private readonly Lock _lock = new();
    private readonly LogRateLimiter _refusals = new();
    private HashSet<string> _digests = [];
    private HeldLease? _seen;
    private X509ChainPolicy? _current;
    private bool _withdrawn;

    /// <summary>Those of the lease that is held.</summary>
    /// <exception cref="NoAuthorityException">There is none, or it is over, or names none.</exception>
    internal X509ChainPolicy Current
    {
        get
        {
            lock (_lock)
            {
                Look();
                if (_seen is { } held && held.Now < held.Terms.Expires && _current is { } current)
                {
                    return current;
                }
            }

            string reason = _seen is null ? source.Problem : $"lease {_seen.Terms.Lease} is over, or the policy of KEK {_seen.Terms.Kek} has none";
            if (_refusals.TryAcquire(out long suppressed))
            {
                log.NoAuthority(name, reason, suppressed);
            }

            throw new NoAuthorityException($"{name}: no authority from the broker: {reason}");
        }
    }

    /// <summary>Their name in the configuration.</summary>
    internal string Name => name;

    /// <summary>When the first of those that the lease names ends; null when there are none.</summary>
    internal DateTime? Expires
    {
        get
        {
            lock (_lock)
            {
                Look();
                return _current?.CustomTrustStore.Min(authority => authority.NotAfter);
            }
        }
    }

    /// <summary>True once after an authority that was trusted is not any more.</summary>
    internal bool TakeWithdrawal()
    {
        lock (_lock)
        {
            Look();
            bool withdrawn = _withdrawn;
            _withdrawn = false;
            return withdrawn;
        }
    }

    private void Look()
    {
        HeldLease? held = source.Lease;
        if (held == _seen)
        {
            return;
        }

        _seen = held;
        X509Certificate2Collection authorities = Read(held);
        HashSet<string> digests = [.. authorities.Select(one => one.GetCertHashString(HashAlgorithmName.SHA256))];
        if (digests.SetEquals(_digests))
        {
            return;
        }

        _withdrawn |= !digests.IsSupersetOf(_digests);
        _digests = digests;
        _current = authorities.Count > 0 ? policy(authorities) : null;
        log.AuthoritiesTaken(name, authorities.Count);
    }

    private X509Certificate2Collection Read(HeldLease? held)
    {
        try
        {
            return held?.Terms.Gateway is { } trust ? [.. which(trust).Select(der => X509CertificateLoader.LoadCertificate(der))] : [];
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return [];
        }
    }
}

/// <summary>Nobody is trusted: the broker names no authority. secrets: none.</summary>
internal sealed class NoAuthorityException(string message) : IOException(message);
