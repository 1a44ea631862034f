using System.Text.Json.Nodes;
using Cloister.Contracts.Envelope;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Leases;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Broker;

/// <summary>docs/vectors/sealed-lease-v3.json, made by another implementation of docs/sealed-keks.md.</summary>
public sealed class SealedLeaseVectorTests : IDisposable
{
    private static readonly JsonNode Vectors =
        JsonNode.Parse(System.IO.File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors", "sealed-lease-v3.json")))!;

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
        RestoredLease lease = Sealed(vector).Load()!;
        Assert.Equal(Text(Vectors, "lease"), lease.Terms.Lease);
        Assert.Equal(((long)vector["now"]!, (long)vector["wraps"]!, (long)vector["unwraps"]!), (lease.Now, lease.Uses.Wraps, lease.Uses.Unwraps));
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
        SealException refused = Assert.Throws<SealException>(() => Sealed(vector).Load());
        Assert.False(refused.IsTransient);
        Assert.Contains(
            Text(vector, "why") switch
            {
                "lease over" => "is over",
                "version" => "format version",
                "configuration" => "another configuration",
                "lease" => "lease: ",
                _ => "does not open",
            },
            refused.Message,
            StringComparison.Ordinal);
        Assert.Equal(0, _arena.InUse);
    }

    private static JsonNode Find(string list, string name) => Vectors[list]!.AsArray().Single(vector => Text(vector!, "name") == name)!;

    private static string Text(JsonNode node, string name) => (string)node[name]!;

    private SealedLease Sealed(JsonNode vector)
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
            new KeySealer(Convert.FromHexString(Text(Vectors, "sealingKey"))),
            _arena,
            new HostClock((long)vector["hostNow"]!));
    }

    private sealed class HostClock(long milliseconds) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
    }
}
