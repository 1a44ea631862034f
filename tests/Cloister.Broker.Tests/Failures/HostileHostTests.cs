using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Audit;
using Cloister.Broker.Tests.Processes;
using Cloister.Kbs;
using Grpc.Core;

namespace Cloister.Broker.Tests.Failures;

/// <summary>A host that puts another broker in the place of the right one, or runs another enclave: real enclave processes against real brokers.</summary>
public sealed class HostileHostTests
{
    [Fact(Explicit = true)] // takes minutes on a busy machine
    public async Task AnotherBrokerInThePlaceOfTheRightOneIsNotTalkedTo()
    {
        using BrokerFolder right = new();
        using BrokerFolder wrong = new();
        using EnclaveFolder enclaves = new(right);
        using EnclaveFolder others = new(wrong);
        await using BrokerProcess broker = await right.StartAsync();
        await using BrokerProcess swapped = await wrong.StartAsync();
        Assert.NotEqual(broker.Pin, swapped.Pin);
        await using OtherBroker admin = await right.OpenAsync(broker);
        await admin.MakeKekAsync("secrets", enclaves.Policy("1h"));
        await using OtherBroker swappedAdmin = await wrong.OpenAsync(swapped);
        await swappedAdmin.MakeKekAsync("secrets", enclaves.Policy("1h")); // it would accept the enclave
        int entries = (await swappedAdmin.AuditAsync()).Count;

        // Another authority's.
        enclaves.Configure(broker.Pin, [swapped.Url]);
        await using (EnclaveProcess enclave = new(enclaves))
        {
            Assert.Equal(StatusCode.Unavailable, (await enclave.FailsAsync("pin: its key is not among broker.pins")).StatusCode);
        }

        // The right authority's database behind a certificate that is not its own.
        await using (BrokerProcess disguised = await right.StartAsync(OwnCertificate(right)))
        {
            Assert.Equal(broker.Pin, disguised.Pin);
            enclaves.Configure(broker.Pin, [disguised.Url]);
            await using EnclaveProcess enclave = new(enclaves);
            await enclave.FailsAsync("pin: its key is not among broker.pins");
        }

        // The right one beside it is found, so that it was the broker and not the enclave.
        enclaves.Configure(broker.Pin, [swapped.Url, broker.Url]);
        await using (EnclaveProcess enclave = new(enclaves))
        {
            await enclave.ReadyAsync();
        }

        Assert.Equal(entries, (await swappedAdmin.AuditAsync()).Count);
    }

    [Theory(Explicit = true)]
    [InlineData("measurement: \"0badc0de0badc0de0badc0de0badc0de0badc0de0badc0de0badc0de0badc0de\"", "enclave")]
    [InlineData("debug: true", "debug")]
    [InlineData("tamper: quote-signature", "quote_signature")]
    [InlineData("tamper: report-data", "report_data")]
    [InlineData("tamper: replay", "report_data")]
    public async Task EvidenceThatIsNotThisEnclavesGetsNoKek(string simulation, string step)
    {
        using BrokerFolder folder = new();
        using EnclaveFolder enclaves = new(folder);
        await using BrokerProcess broker = await folder.StartAsync();
        await using OtherBroker admin = await folder.OpenAsync(broker);
        await admin.MakeKekAsync("secrets", enclaves.Policy("1h"));
        enclaves.Configure(broker.Pin, [broker.Url]);
        await using (EnclaveProcess good = new(enclaves))
        {
            await good.ReadyAsync(); // its quote is what is replayed
        }

        int granted = Granted(await admin.AuditAsync());

        enclaves.Configure(broker.Pin, [broker.Url], simulation);
        await using EnclaveProcess bad = new(enclaves);

        Assert.Equal(StatusCode.FailedPrecondition, (await bad.FailsAsync(step)).StatusCode);
        List<AuditEntry> audit = await admin.AuditAsync();
        Assert.Equal(granted, Granted(audit));
        Assert.Contains(audit, entry => entry.Kind == "evidence.refused" && entry.Details.Contains($"\"{step}\"", StringComparison.Ordinal));
    }

    private static int Granted(List<AuditEntry> audit) => audit.Count(entry => entry.Kind == "lease.granted");

    private static string OwnCertificate(BrokerFolder folder)
    {
        using X509Certificate2 certificate = BrokerProcess.NewCertificate("broker", CertificateRole.Broker);
        using ECDsa key = certificate.GetECDsaPrivateKey()!;
        File.WriteAllText($"{folder.Folder}/tls.crt", certificate.ExportCertificatePem());
        File.WriteAllText($"{folder.Folder}/tls.key", key.ExportPkcs8PrivateKeyPem());
        return $"tls: {{ certificate: {folder.Folder}/tls.crt, key: {folder.Folder}/tls.key }}";
    }
}
