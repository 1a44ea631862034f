using System.Text.Json.Nodes;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Crypto;
using Cloister.Enclave.Keys.Envelope;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Tests.Envelope;

/// <summary>docs/vectors/envelope-v1.json, made by another implementation of docs/envelope-format.md.</summary>
public sealed class EdekVectorTests : IDisposable
{
    private static readonly JsonNode Vectors =
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors", "envelope-v1.json")))!;

    private readonly SecretArena _arena = new(64);

    public static TheoryData<string> Fingerprints => Names("fingerprints", "keyId");

    public static TheoryData<string> Open => Names("open", "name");

    public static TheoryData<string> Refuse => Names("refuse", "name");

    public void Dispose() => _arena.Dispose();

    [Theory]
    [MemberData(nameof(Fingerprints))]
    public void A_manual_KEK_has_the_fingerprint_of_the_vector(string keyId)
    {
        JsonNode vector = Find("fingerprints", "keyId", keyId);
        using Kek kek = Kek.Manual(Text(vector, "name"), (uint)vector["version"]!, Secret(vector));

        Assert.Equal(keyId, kek.KeyId);
        Assert.Equal(Text(vector, "generation"), kek.Identity.Generation);
        Assert.True(KeyId.TryParse(keyId, out KeyFingerprint parsed));
        Assert.Equal(kek.Fingerprint, parsed);
    }

    [Theory]
    [MemberData(nameof(Open))]
    public void Opens(string name)
    {
        JsonNode vector = Find("open", "name", name);
        byte[] bytes = Hex(vector, "edek");
        byte[] plaintext = Hex(vector, "plaintext");
        Edek edek = Edek.Parse(bytes);
        Assert.Equal((EdekSuite)(int)vector["suite"]!, edek.Suite);
        if (vector["wrappedDek"] is not null)
        {
            Assert.Equal(Hex(vector, "wrappedDek"), edek.WrappedDek.ToArray());
        }

        byte[] opened = new byte[Edek.MaxSize];
        using SecretKey key = Secret(vector);
        using Xaes256Gcm cipher = new(key);
        int length = EdekCipher.Decrypt(cipher, Context(vector), edek, opened);

        Assert.Equal(plaintext, opened[..length]);
    }

    // What we make has the same shape, and the reader takes it.
    [Theory]
    [MemberData(nameof(Open))]
    public void Makes_the_same_but_for_nonce_and_what_follows(string name)
    {
        JsonNode vector = Find("open", "name", name);
        byte[] expected = Hex(vector, "edek");
        byte[] plaintext = Hex(vector, "plaintext");
        Edek edek = Edek.Parse(expected);
        byte[] made = new byte[Edek.MaxSize];
        using SecretKey key = Secret(vector);
        using Xaes256Gcm cipher = new(key);
        int length = EdekCipher.Encrypt(cipher, Context(vector), edek.Suite, edek.Kek, edek.WrappedDek, plaintext, made);

        Assert.Equal(expected.Length, length);
        Assert.Equal(edek.Bound.ToArray(), made[..edek.Bound.Length]);
        Assert.NotEqual(expected, made[..length]);
        byte[] opened = new byte[Edek.MaxSize];
        Assert.Equal(plaintext, opened[..EdekCipher.Decrypt(cipher, Context(vector), Edek.Parse(made.AsSpan(0, length)), opened)]);
    }

    [Theory]
    [MemberData(nameof(Refuse))]
    public void Refuses(string name)
    {
        JsonNode vector = Find("refuse", "name", name);
        byte[] bytes = Hex(vector, "edek");
        using SecretKey key = Secret(vector);
        using Xaes256Gcm cipher = new(key);
        void OpenIt() => EdekCipher.Decrypt(cipher, Context(vector), Edek.Parse(bytes), new byte[Edek.MaxSize]);

        if (Text(vector, "failure") == "malformed")
        {
            Assert.Throws<WireException>(OpenIt);
        }
        else
        {
            FailureException refused = Assert.Throws<FailureException>(OpenIt);
            Assert.Equal(FailureKind.Invalid, refused.Kind);
        }
    }

    [Fact]
    public void All_failures_to_authenticate_look_alike()
    {
        HashSet<string> messages = [];
        foreach (JsonNode? vector in Vectors["refuse"]!.AsArray().Where(vector => Text(vector!, "failure") == "authentication"))
        {
            using SecretKey key = Secret(vector!);
            using Xaes256Gcm cipher = new(key);
            messages.Add(Assert.Throws<FailureException>(
                () => EdekCipher.Decrypt(cipher, Context(vector!), Edek.Parse(Hex(vector!, "edek")), new byte[Edek.MaxSize])).Message);
        }

        Assert.Single(messages);
    }

    private static TheoryData<string> Names(string section, string field) =>
        [.. Vectors[section]!.AsArray().Select(vector => Text(vector!, field))];

    private static JsonNode Find(string section, string field, string value) =>
        Vectors[section]!.AsArray().Single(vector => Text(vector!, field) == value)!;

    private static string Text(JsonNode vector, string field) => (string)vector[field]!;

    private static byte[] Hex(JsonNode vector, string field) => Convert.FromHexString(Text(vector, field));

    private static EnvelopeContext Context(JsonNode vector) =>
        new(EnvelopeContext.KmsPurpose, Text(vector, "cluster"), Text(vector, "provider"));

    private SecretKey Secret(JsonNode vector) => SecretKey.TakeOver(_arena, Hex(vector, "key"));
}
