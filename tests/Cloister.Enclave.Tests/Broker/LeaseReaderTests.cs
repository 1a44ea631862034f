using System.Security.Cryptography;
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
            $"{parts[0]}.{broker.Sign(right with { Wraps = 1 }).Split('.')[1]}.{parts[2]}",
            "",
            "a.b.c",
            $"{parts[0]}.{parts[1]}.",
        ];
        Assert.All(texts, text => Assert.Equal(
            BrokerFailure.Refused,
            Assert.Throws<BrokerException>(() => LeaseReader.Read(text, broker.Pins, Expected)).Failure));
    }
}
