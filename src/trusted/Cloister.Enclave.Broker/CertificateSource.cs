using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Enclave.Custody.Leases;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>The lease of a custody, and certificates under it. Source: docs/broker-protocol.md, "Certificate". secrets: the lease's token.</summary>
/// <param name="session">Asks brokers; not owned.</param>
/// <param name="leases">Holds the lease; not owned.</param>
internal sealed class CertificateSource(BrokerSession session, LeaseManager leases) : LeaseSource
{
    internal override HeldLease? Lease => leases.Current;

    internal override string Problem => leases.Problem.Healthz;

    internal override async ValueTask<ServingCertificate> IssueAsync(HeldLease held, CancellationToken cancellation)
    {
        try
        {
            ServingCertificate issued = await RequestAsync(held, cancellation);
            leases.CertificateFailure = null;
            return issued;
        }
        catch (BrokerException e)
        {
            leases.CertificateFailure = e;
            leases.OnBrokerError(e);
            throw new NotIssuedException(e.Message);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            leases.CertificateFailure = new BrokerException(BrokerFailure.Fault, "certificate", $"fault of this program: {e.GetType().Name}");
            throw;
        }
    }

    private async ValueTask<ServingCertificate> RequestAsync(HeldLease held, CancellationToken cancellation)
    {
        ECDsa key = session.ServingKey
            ?? throw new BrokerException(BrokerFailure.Refused, "certificate", "the evidence of this enclave names no key for a gateway");
        byte[] request = new CertificateRequest("CN=cloister-gateway", key, HashAlgorithmName.SHA256).CreateSigningRequest();
        CertificateChain answer = await session.Client.CertificateAsync(held.Token, new CertificateRequestMessage(request), cancellation);
        try
        {
            using X509Certificate2 issued = X509CertificateLoader.LoadCertificate(answer.Chain[0]);
            using X509Certificate2 authority = X509CertificateLoader.LoadCertificate(answer.Chain[1]);
            if (CertificateRole.Has(issued, CertificateRole.Gateway)
                && BrokerPins.IsSigned(issued, authority)
                && issued.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo()))
            {
                // Not sent along: a client has the authority, or does not believe it.
                return new ServingCertificate(SslStreamCertificateContext.Create(issued.CopyWithPrivateKey(key), null, offline: true), issued.SerialNumber);
            }
        }
        catch (Exception e) when (e is CryptographicException or ArgumentOutOfRangeException)
        {
            // Not a chain.
        }

        throw new BrokerException(BrokerFailure.Refused, "certificate", "what the broker answered is not a gateway's certificate for this enclave's key, with its issuer's");
    }
}
