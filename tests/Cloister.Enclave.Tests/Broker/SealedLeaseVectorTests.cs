using System.Text.Json.Nodes;
using Cloister.Contracts.Envelope;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Memory;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Broker;

/// <summary>docs/vectors/sealed-lease-v2.json, made by another implementation of docs/sealed-keks.md.</summary>
public sealed class SealedLeaseVectorTests : IDisposable
{
    private static readonly JsonNode Vectors =
        JsonNode.Parse(System.IO.File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors", "sealed-lease-v2.json")))!;

    private readonly SecretArena _arena = new(64);
    private readonly TestFolder _folder = new();

    public static TheoryData<string> Open => [.. Vectors["open"]!.AsArray().Select(vector => Text(vector!, "name"))];

    public static TheoryData<string> Refuse => [.. Vectors["refuse"]!.AsArray().Select(vector => Text(vector!, "name"))];

    public void Dispose()
    {
        _folder.Dispose();
        _arena.Dispose();
    }

    [Theory]
    [MemberData(nameof(Open))]
    public void Opens(string name)
    {
        JsonNode vector = Find("open", name);
        HeldCounter counter = new((ulong)vector["counterNow"]!);
        RestoredLease lease = Sealed(vector, counter).Load()!;
        Assert.Equal(Text(Vectors, "lease"), lease.Terms.Lease);
        Assert.Equal(((long)vector["now"]!, (long)vector["wraps"]!, (long)vector["unwraps"]!), (lease.Now, lease.Wraps, lease.Unwraps));
        Assert.Equal((ulong)vector["counterAfter"]!, counter.Value);
        Assert.Equal(
            Vectors["keks"]!.AsArray().Select(kek => (Text(kek!, "keyId"), Text(kek!, "key"))),
            lease.Ring.All.Select(kek => (kek.KeyId, kek.Key.Use(0, static (key, _) => Convert.ToHexStringLower(key)))));
        Assert.All(lease.Ring.All, kek => kek.Dispose());
    }

    [Theory]
    [MemberData(nameof(Refuse))]
    public void Refuses(string name)
    {
        JsonNode vector = Find("refuse", name);
        HeldCounter counter = new((ulong)vector["counterNow"]!);
        SealException refused = Assert.Throws<SealException>(() => Sealed(vector, counter).Load());
        Assert.Contains(
            Text(vector, "why") switch
            {
                "lease over" => "is over",
                "rollback" => "older",
                "configuration" => "another configuration",
                "lease" => "lease: ",
                _ => "does not open",
            },
            refused.Message,
            StringComparison.Ordinal);
        Assert.Equal((ulong)vector["counterNow"]!, counter.Value);
        Assert.Equal(0, _arena.InUse);
    }

    [Fact]
    public void Where_the_platform_does_not_count_an_older_file_cannot_be_told()
    {
        RestoredLease lease = Sealed(Find("refuse", "an older file"), null).Load()!;
        Assert.Equal(100, lease.Wraps);
        Assert.All(lease.Ring.All, kek => kek.Dispose());
    }

    private static JsonNode Find(string list, string name) => Vectors[list]!.AsArray().Single(vector => Text(vector!, "name") == name)!;

    private static string Text(JsonNode node, string name) => (string)node[name]!;

    private SealedLease Sealed(JsonNode vector, HeldCounter? counter)
    {
        string path = _folder.File("lease.sealed");
        System.IO.File.WriteAllBytes(path, Convert.FromHexString(Text(vector, "file")));
        BrokerOptions broker = new()
        {
            Urls = [new Uri("https://localhost")],
            Pins = new BrokerPins([BrokerPins.ParsePin(Text(Vectors, "pin"))]),
            Kek = Text(Vectors, "kek"),
        };
        return new SealedLease(
            path,
            new EnvelopeContext(EnvelopeContext.KmsPurpose, Text(Vectors, "cluster"), Text(Vectors, "provider")),
            Text(Vectors, "configuration"),
            broker,
            new CountingSealer(Convert.FromHexString(Text(Vectors, "sealingKey")), counter),
            _arena,
            new HostClock((long)vector["hostNow"]!));
    }

    private sealed class HostClock(long milliseconds) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
    }
}
