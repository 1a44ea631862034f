using System.Net.Security;

namespace Cloister.Enclave.Custody.Leases;

/// <summary>
/// The lease of a custody, for what else lives by it: the gateway's authorities and its serving certificate. Implemented by the client of the broker.
/// secrets: the lease's token.
/// </summary>
public abstract class LeaseSource
{
    /// <summary>The lease of this moment, or null.</summary>
    internal abstract HeldLease? Lease { get; }

    /// <summary>Why there is no lease.</summary>
    internal abstract string Problem { get; }

    /// <summary>Has a serving certificate issued for the key that evidence names for the gateway.</summary>
    /// <param name="held">The lease to issue it for.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="NotIssuedException">There is none; a revocation has wiped KEKs by then.</exception>
    internal abstract ValueTask<ServingCertificate> IssueAsync(HeldLease held, CancellationToken cancellation);
}

/// <summary>A serving certificate with its key. secrets: refers to the key, which is in .NET's TLS.</summary>
/// <param name="Context">For handshakes.</param>
/// <param name="Serial">Its serial number, for the log.</param>
internal sealed record ServingCertificate(SslStreamCertificateContext Context, string Serial);

/// <summary>Nobody issued a certificate. The message says why. secrets: none.</summary>
/// <param name="message">Why.</param>
internal sealed class NotIssuedException(string message) : Exception(message);
