using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Enclave.Gateway.Transport;
using Cloister.Enclave.Tests.Support;
using Cloister.Kbs;

namespace Cloister.Enclave.Tests.Broker;

/// <summary>When there is a serving certificate, and when there is none.</summary>
public sealed class LeasedCertificateTests
{
    [Fact]
    public async Task ItIsForTheTimeOfTheLeaseAndNotItsGrace()
    {
        await using TestBroker broker = await StartAsync();
        await using AttestedFixture enclave = new(broker);
        await using LeasedCertificate certificate = Begin(enclave);
        await FirstAsync(certificate);
        Assert.Equal("CN=cloister-gateway", certificate.Take(() => true).TargetCertificate.Subject);
        Assert.True(certificate.Take(() => true).TargetCertificate.HasPrivateKey);
        string named = broker.Statements.First().Gateway;
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(certificate.Take(() => true).TargetCertificate.PublicKey.ExportSubjectPublicKeyInfo())), named);
        Assert.Contains(enclave.Log.Lines, line => line.Contains("gateway: serving certificate", StringComparison.Ordinal));

        broker.Errors[KbsPaths.Lease] = "Busy";
        enclave.Time.Forward(TimeSpan.FromSeconds(601));
        Assert.Throws<IOException>(() => certificate.Take(() => true));
        Assert.NotEqual(0, enclave.Arena.InUse);
    }

    [Theory]
    [InlineData("another key")]
    [InlineData("another authority")]
    [InlineData("another role")]
    public async Task WhatIsNotAGatewaysCertificateForItsOwnKeyIsNotUsed(string what)
    {
        await using TestBroker broker = await StartAsync();
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        broker.ShapeCertificate = (key, authority) => what switch
        {
            "another key" => (new PublicKey(other), authority),
            "another authority" => (key, other),
            _ => (key, authority),
        };
        broker.CertificateMark = what == "another role" ? CertificateRole.Broker : CertificateRole.Gateway;
        await using AttestedFixture enclave = new(broker);
        await using LeasedCertificate certificate = Begin(enclave);
        await enclave.ReadyAsync();
        await Eventually.TrueAsync(() => enclave.Custody.Lease!.FailedStep == "certificate", "administration shows it");
        Assert.Throws<IOException>(() => certificate.Take(() => true));
        Assert.Contains("not a gateway's certificate for this enclave's key", enclave.Custody.Lease!.Failure, StringComparison.Ordinal);

        broker.ShapeCertificate = (key, authority) => (key, authority);
        broker.CertificateMark = CertificateRole.Gateway;
        await Eventually.TrueAsync(() => enclave.Custody.Lease!.FailedStep.Length == 0, "it asks again");
        Assert.Equal("CN=cloister-gateway", certificate.Take(() => true).TargetCertificate.Subject);
    }

    [Fact]
    public async Task WhenTheBrokerRevokesOnAskingKeksAreWiped()
    {
        await using TestBroker broker = await StartAsync();
        broker.Errors[KbsPaths.Certificate] = "LeaseRevoked";
        await using AttestedFixture enclave = new(broker);
        await enclave.ReadyAsync();
        broker.Errors[KbsPaths.Lease] = "LeaseRevoked";
        await using LeasedCertificate certificate = Begin(enclave);
        await Eventually.TrueAsync(() => enclave.Arena.InUse == 0, "KEKs are wiped");
        Assert.Throws<IOException>(() => certificate.Take(() => true));
    }

    [Fact]
    public async Task AnotherLeaseAfterAWipeWithdrawsTheCertificateOfTheFirst()
    {
        await using TestBroker broker = await StartAsync();
        await using AttestedFixture enclave = new(broker);
        int withdrawn = 0;
        await using LeasedCertificate certificate = new(enclave.Custody.Certificates!, () => Interlocked.Increment(ref withdrawn), enclave.Log.Log);
        string first = await FirstAsync(certificate);
        Assert.Equal(0, Volatile.Read(ref withdrawn));

        // Wiped and leased again at once: between two looks there is always a lease.
        broker.Shape = terms => terms with { Lease = new string('d', 32) };
        broker.Errors[KbsPaths.Watch] = "LeaseRevoked";
        await Eventually.TrueAsync(() => Volatile.Read(ref withdrawn) > 0, "connections are closed");
        broker.Errors.TryRemove(KbsPaths.Watch, out _);
        await Eventually.TrueAsync(() => TakenOrEmpty(certificate) is { Length: > 0 } serial && serial != first, "the next lease has its own certificate");
    }

    // A handshake waits a moment for it; a machine with much to do takes longer.
    private static async Task<string> FirstAsync(LeasedCertificate certificate)
    {
        string serial = "";
        await Eventually.TrueAsync(() => (serial = TakenOrEmpty(certificate)).Length > 0, "there is a certificate");
        return serial;
    }

    private static string TakenOrEmpty(LeasedCertificate certificate)
    {
        try
        {
            return certificate.Take(() => true).TargetCertificate.SerialNumber;
        }
        catch (IOException)
        {
            return "";
        }
    }

    private static LeasedCertificate Begin(AttestedFixture enclave) => new(enclave.Custody.Certificates!, () => { }, enclave.Log.Log);

    private static async Task<TestBroker> StartAsync()
    {
        TestBroker broker = await TestBroker.StartAsync();
        broker.AddVersion();
        return broker;
    }
}
