using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Cloister.Broker.State.Revocations;
using Cloister.Kbs;

namespace Cloister.Broker.Tests.Processes;

/// <summary>The gateway's serving certificate: for a lease only, for the names of the policy, and one that OpenSSL accepts by the authority's certificate.</summary>
public sealed class CertificateTests(SharedBroker shared)
{
    private static readonly X500DistinguishedName Subject = new("CN=whatever it likes, O=system:masters");

    [Fact]
    public async Task ALeaseHasACertificateForLoopbackAndWhatThePolicyNames()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = RunningPair.NewName();
        await broker.Admin.MakeKekAsync(kek, enclave.Policy() + "\n  gateway: { names: [node-1.example, 10.0.0.7] }\n");
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
        ECDsa key = enclave.GatewayKey;
        CertificateRequest request = new(Subject, key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder wished = new();
        wished.AddDnsName("broker.example");
        request.CertificateExtensions.Add(wished.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));

        IReadOnlyList<byte[]> chain = (await AskAsync(broker, lease.Token, request.CreateSigningRequest())).Ok(KbsJson.Default.CertificateChain).Chain;

        Assert.Equal(2, chain.Count);
        using X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(chain[0]);
        using X509Certificate2 authority = X509CertificateLoader.LoadCertificate(chain[1]);
        Assert.NotEqual(broker.Process.Pin, BrokerProcess.PinOf(authority)); // what enclaves pin signs no gateway
        Assert.True(CertificateRole.Has(certificate, CertificateRole.Gateway));
        Assert.False(CertificateRole.Has(certificate, CertificateRole.Broker));
        Assert.Equal(key.ExportSubjectPublicKeyInfo(), certificate.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.Equal("CN=cloister-gateway", certificate.Subject);
        X509SubjectAlternativeNameExtension names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().Single();
        Assert.Equal(["localhost", "node-1.example"], names.EnumerateDnsNames());
        Assert.Equal(["127.0.0.1", "::1", "10.0.0.7"], names.EnumerateIPAddresses().Select(address => address.ToString()));
        Assert.False(certificate.Extensions.OfType<X509BasicConstraintsExtension>().Single().CertificateAuthority);
        Assert.Equal(["1.3.6.1.5.5.7.3.1"], certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().Single().EnhancedKeyUsages.OfType<Oid>().Select(use => use.Value!));
        Assert.Equal(lease.Terms.Expires / 1000, new DateTimeOffset(certificate.NotAfter).ToUnixTimeSeconds());
        Assert.Contains(
            await broker.Admin.AuditAsync(),
            entry => entry.Kind == "certificate.issued" && entry.Details.Contains(lease.Terms.Lease, StringComparison.Ordinal)
                && entry.Details.Contains(certificate.SerialNumber, StringComparison.Ordinal));
        await OpenSslAcceptsAsync(certificate, authority, "127.0.0.1", accepted: true);
        await OpenSslAcceptsAsync(certificate, authority, "10.0.0.8", accepted: false);
    }

    [Fact]
    public async Task ErrorsAreThoseOfTheTable()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
        ECDsa key = enclave.GatewayKey;
        byte[] good = new CertificateRequest(Subject, key, HashAlgorithmName.SHA256).CreateSigningRequest();
        byte[] unsigned = [.. good];
        unsigned[^5] ^= 1;
        using ECDsa larger = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        using RSA rsa = RSA.Create(2048);

        (await AskAsync(broker, lease.Token, [])).Refused(400, "BadRequest");
        (await AskAsync(broker, lease.Token, new byte[4097])).Refused(400, "BadRequest");
        (await AskAsync(broker, lease.Token, new byte[100])).Refused(400, "BadRequest");
        (await AskAsync(broker, lease.Token, [.. good, 0])).Refused(400, "BadRequest");
        (await AskAsync(broker, lease.Token, unsigned)).Refused(400, "BadRequest");
        (await AskAsync(broker, lease.Token, new CertificateRequest(Subject, larger, HashAlgorithmName.SHA256).CreateSigningRequest())).Refused(400, "BadRequest");
        (await AskAsync(broker, lease.Token, new CertificateRequest(Subject, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequest())).Refused(400, "BadRequest");
        (await broker.Client.PostAsync(KbsPaths.Certificate, "{}", token: lease.Token)).Refused(400, "BadRequest");
        (await AskAsync(broker, "no.token.this", good)).Refused(401, "TokenVerifierError");
        (await AskAsync(broker, null, good)).Refused(401, "TokenNotFound");

        (string withoutLease, _) = await broker.Client.AttestAsync(enclave, kek);
        (await AskAsync(broker, withoutLease, good)).Refused(401, "TokenVerifierError");

        // A policy that was changed since: only fresh evidence tells whether it accepts this enclave.
        await broker.Admin.SetPolicyAsync(kek, enclave.Policy(duration: "11m"));
        (await AskAsync(broker, lease.Token, good)).Refused(403, "PolicyDeny");
        ReceivedLease renewed = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek, lease.Terms.Lease), enclave, broker.Process.Pin);
        (await AskAsync(broker, renewed.Token, good)).Ok(KbsJson.Default.CertificateChain);
        await broker.Admin.RevokeAsync(RevocationKind.Instance, enclave.Instance);
        (await AskAsync(broker, renewed.Token, good)).Refused(403, "LeaseRevoked");
    }

    [Fact]
    public async Task ACertificateIsForTheKeyThatTheEvidenceNamesAlone()
    {
        RunningPair broker = await shared.GetAsync();
        using SimulatedEnclave enclave = new(TimeProvider.System);
        string kek = await broker.NewKekAsync(enclave);
        using ECDsa thief = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] foreign = new CertificateRequest(Subject, thief, HashAlgorithmName.SHA256).CreateSigningRequest();
        byte[] own = new CertificateRequest(Subject, enclave.GatewayKey, HashAlgorithmName.SHA256).CreateSigningRequest();

        ReceivedLease lease = ReceivedLease.Read(await broker.Client.LeaseAsync(enclave, kek), enclave, broker.Process.Pin);
        Assert.Contains("the evidence of this lease names", (await AskAsync(broker, lease.Token, foreign)).Refused(403, "PolicyDeny"), StringComparison.Ordinal);
        (await AskAsync(broker, lease.Token, own)).Ok(KbsJson.Default.CertificateChain);

        // Evidence that names none: an enclave without a gateway.
        (string nonce, string session) = await broker.Client.AuthAsync();
        KbsAnswer without = await broker.Client.LeaseAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(kek)));
        (await AskAsync(broker, ReceivedLease.Read(without, enclave, broker.Process.Pin).Token, own)).Refused(403, "PolicyDeny");
        Assert.DoesNotContain(
            await broker.Admin.AuditAsync(),
            entry => entry.Kind == "certificate.issued" && entry.Details.Contains(ReceivedLease.Read(without, enclave, broker.Process.Pin).Terms.Lease, StringComparison.Ordinal));
    }

    private static Task<KbsAnswer> AskAsync(RunningPair broker, string? token, byte[] request) => broker.Client.PostAsync(
        KbsPaths.Certificate, JsonSerializer.Serialize(new CertificateRequestMessage(request), KbsJson.Default.CertificateRequestMessage), token: token);

    private static async Task OpenSslAcceptsAsync(X509Certificate2 certificate, X509Certificate2 authority, string address, bool accepted)
    {
        string folder = Directory.CreateTempSubdirectory("certificate-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "ca.crt"), authority.ExportCertificatePem(), TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(Path.Combine(folder, "leaf.crt"), certificate.ExportCertificatePem(), TestContext.Current.CancellationToken);
            ProcessStartInfo start = new("openssl", ["verify", "-x509_strict", "-CAfile", "ca.crt", "-purpose", "sslserver", "-verify_ip", address, "leaf.crt"])
            {
                WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true,
            };
            using Process openssl = Process.Start(start)!;
            string said = await openssl.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken)
                + await openssl.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await openssl.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(accepted == (openssl.ExitCode == 0), said);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
