using System.Text.Json.Nodes;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Base;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Keys.Memory;
using Cloister.Enclave.Tests.Support;

namespace Cloister.Enclave.Tests.Custody;

/// <summary>docs/vectors/sealed-keks-v3.json, made by another implementation of docs/sealed-keks.md.</summary>
public sealed class SealedKeksVectorTests : IDisposable
{
    private static readonly JsonNode Vectors =
        JsonNode.Parse(System.IO.File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors", "sealed-keks-v3.json")))!;

    private readonly SecretArena _arena = new(64);
    private readonly TestFolder _folder = new();

    public static TheoryData<string> Open => [.. Vectors["open"]!.AsArray().Select(vector => (string)vector!["name"]!)];

    public static TheoryData<string> Refuse => [.. Vectors["refuse"]!.AsArray().Select(vector => (string)vector!["name"]!)];

    public void Dispose()
    {
        _folder.Dispose();
        _arena.Dispose();
    }

    [Theory]
    [MemberData(nameof(Open))]
    public async Task Opens(string name)
    {
        JsonNode vector = Find("open", name);
        await using ManualCustody custody = Custody(vector);
        Assert.Equal(
            vector["keks"]!.AsArray().Select(kek => ((string)kek!["name"]!, (uint)kek["version"]!, (string)kek["keyId"]!, (string)kek["key"]!)),
            custody.Ring.All.Select(kek => (kek.Identity.Name, kek.Identity.Version, kek.KeyId, kek.Key.Use(0, static (key, _) => Convert.ToHexStringLower(key)))));
        Assert.Equal(((string)vector["active"]!, (string)vector["gold"]!), (custody.Status.KeyId ?? "", custody.Under("gold").Status.KeyId ?? ""));

        // What was active once does not come back, and the next version is above it.
        foreach ((string kek, JsonNode? highest) in vector["highest"]!.AsObject())
        {
            Assert.Throws<FailureException>(() => custody.Import(kek, (uint)highest!, TestKeys.Of(1), activate: true));
            Assert.Equal((uint)highest! + 1, custody.Create(kek).Identity.Version);
        }
    }

    [Theory]
    [MemberData(nameof(Refuse))]
    public void Refuses(string name)
    {
        Assert.Throws<SealException>(() => Custody(Find("refuse", name)));
        Assert.Equal(0, _arena.InUse);
    }

    private static JsonNode Find(string list, string name) => Vectors[list]!.AsArray().Single(vector => (string)vector!["name"]! == name)!;

    private ManualCustody Custody(JsonNode vector)
    {
        System.IO.File.WriteAllBytes(_folder.File("keks.sealed"), Convert.FromHexString((string)vector["file"]!));
        EnvelopeContext context = new(EnvelopeContext.KmsPurpose, (string)Vectors["cluster"]!, (string)Vectors["provider"]!);
        KeySealer sealer = new(Convert.FromHexString((string)Vectors["sealingKey"]!));
        return new ManualCustody(context, _arena, new SealedKeks(_folder.File("keks.sealed"), context, sealer, _arena), new KekRules([new KekRule(["payments"], "gold")]));
    }

    private sealed class KeySealer(byte[] key) : ISealer
    {
        public string Description => "the vector's key";

        public SecretKey SealingKey(SecretArena arena) => SecretKey.TakeOver(arena, (byte[])key.Clone());
    }
}
