using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Cloister.Enclave.Broker;
using Cloister.Kbs;

namespace Cloister.Enclave.Tests.Broker;

public sealed class LeaseReaderTests
{
    private static readonly LeaseExpectation Expected = new("nonce", "me", TestBroker.Cluster, TestBroker.Kek, 1_000_000);

    [Fact]
    public async Task Believes_a_right_lease()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        broker.AddVersion();
        LeaseTerms terms = LeaseReader.Read(broker.Sign(broker.Terms("me", "nonce")), broker.Pins, Expected);
        Assert.Single(terms.Versions);
    }

    [Fact]
    public async Task Believes_the_key_that_the_pinned_one_certified_whoever_of_the_two_is_pinned()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        broker.AddVersion();
        using ECDsa next = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using ECDsa stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string lease = broker.SignAsSuccessor(broker.Terms("me", "nonce"), next);
        Assert.Equal(broker.AuthorityId, LeaseReader.Read(lease, broker.Pins, Expected).Authority);
        Assert.Equal(broker.AuthorityId, LeaseReader.Read(lease, PinsOf(next), Expected).Authority);
        Assert.Throws<BrokerException>(() => LeaseReader.Read(lease, PinsOf(stranger), Expected));
    }

    [Fact]
    public async Task Refuses_everything_else()
    {
        await using TestBroker broker = await TestBroker.StartAsync();
        broker.AddVersion();
        LeaseTerms right = broker.Terms("me", "nonce");
        LeasedVersion version = right.Versions[0];
        using ECDsa other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        string signed = broker.Sign(right);
        string[] parts = signed.Split('.');
        LeaseTerms[] wrong =
        [
            right with { Version = 2 },
            right with { Authority = new string('0', 32) },
            right with { Lease = "x" },
            right with { Instance = "you" },
            right with { Nonce = "old" },
            right with { Cluster = "c2" },
            right with { Kek = "other" },
            right with { Time = Expected.NotBefore - 1 },
            right with { Expires = right.Time },
            right with { Expires = long.MaxValue },
            right with { RenewAfter = right.Time - 1 },
            right with { GraceSeconds = -1 },
            right with { Wraps = -1 },
            right with { Versions = [version, version] },
            right with { Versions = [version with { Version = 2 }] },
            right with { Versions = [version with { Generation = new string('0', 32) }] },
        ];
        string[] texts =
        [
            .. wrong.Select(terms => broker.Sign(terms)),
            broker.Sign(right, other),
            broker.Sign(right, typ: "JWT"),
            broker.Sign(right, role: CertificateRole.Broker),
            broker.Sign(right, other, behind: [TestBroker.AuthorityCertificate(other, other), .. Own(broker)]),
            broker.SignAsSuccessor(right, other, role: CertificateRole.LeaseSigner),
            broker.SignAsSuccessor(right, other, isAuthority: false),
            broker.SignAsSuccessor(right with { Authority = new string('0', 32) }, other),
            $"{parts[0]}.{broker.Sign(right with { Wraps = 1 }).Split('.')[1]}.{parts[2]}",
            "",
            "a.b.c",
            $"{parts[0]}.{parts[1]}.",
        ];
        Assert.All(texts, text => Assert.Equal(
            BrokerFailure.Refused,
            Assert.Throws<BrokerException>(() => LeaseReader.Read(text, broker.Pins, Expected)).Failure));
    }

    private static BrokerPins PinsOf(ECDsa key) => new([SHA256.HashData(key.ExportSubjectPublicKeyInfo())]);

    // The authority's own certificate, which anybody can have.
    private static IEnumerable<X509Certificate2> Own(TestBroker broker)
    {
        using JsonDocument header = JsonDocument.Parse(Base64Url.DecodeFromChars(broker.Sign(broker.Terms("me", "nonce")).Split('.')[0]));
        return [X509CertificateLoader.LoadCertificate(header.RootElement.GetProperty("x5c")[1].GetBytesFromBase64())];
    }
}
