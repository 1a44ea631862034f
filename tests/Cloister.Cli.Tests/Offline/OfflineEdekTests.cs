using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Cloister.Cli.Offline;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Wire;
using Cloister.Xaes;

namespace Cloister.Cli.Tests.Offline;

/// <summary>docs/vectors/envelope-v1.json, made by another implementation of docs/envelope-format.md.</summary>
public sealed class OfflineEdekTests
{
    private static readonly JsonNode Vectors =
        JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "vectors", "envelope-v1.json")))!;

    public static TheoryData<string> Open => Names("open");

    public static TheoryData<string> Refuse => Names("refuse");

    [Theory]
    [MemberData(nameof(Open))]
    public void Opens(string name)
    {
        JsonNode vector = Find("open", name);
        Edek edek = Edek.Parse(Hex(vector, "edek"));

        // The vectors of suite 2 have the DEK in clear, not the remote KMS's KEK.
        byte[] plaintext = edek.Suite == EdekSuite.Kek
            ? OfflineEdek.Plaintext(Hex(vector, "key"), Context(vector), Hex(vector, "edek"))
            : PortableXaes.Decrypt(Hex(vector, "key"), [.. edek.Nonce, .. edek.Payload], Aad(vector, edek));

        Assert.Equal(Hex(vector, "plaintext"), plaintext);
    }

    [Theory]
    [MemberData(nameof(Open))]
    public void The_derived_key_alone_opens_the_payload(string name)
    {
        JsonNode vector = Find("open", name);
        Edek edek = Edek.Parse(Hex(vector, "edek"));
        byte[] key = edek.Suite == EdekSuite.Kek
            ? OfflineEdek.Dek(Hex(vector, "key"), Context(vector), Hex(vector, "edek"))
            : PortableXaes.DerivedKey(Hex(vector, "key"), edek.Nonce);
        byte[] plaintext = new byte[edek.Payload.Length - 16];
        using AesGcm gcm = new(key, 16);

        gcm.Decrypt(edek.Nonce[12..], edek.Payload[..^16], edek.Payload[^16..], plaintext, Aad(vector, edek));

        Assert.Equal(Hex(vector, "plaintext"), plaintext);
    }

    [Theory]
    [MemberData(nameof(Refuse))]
    public void Refuses(string name)
    {
        JsonNode vector = Find("refuse", name);
        void OpenIt() => OfflineEdek.Plaintext(Hex(vector, "key"), Context(vector), Hex(vector, "edek"));

        if ((string)vector["failure"]! == "malformed")
        {
            Assert.Throws<WireException>(OpenIt);
        }
        else
        {
            Assert.Throws<AuthenticationTagMismatchException>(OpenIt);
        }
    }

    private static TheoryData<string> Names(string section) => [.. Vectors[section]!.AsArray().Select(vector => (string)vector!["name"]!)];

    private static JsonNode Find(string section, string name) =>
        Vectors[section]!.AsArray().Single(vector => (string)vector!["name"]! == name)!;

    private static byte[] Hex(JsonNode vector, string field) => Convert.FromHexString((string)vector[field]!);

    private static EnvelopeContext Context(JsonNode vector) =>
        new(EnvelopeContext.KmsPurpose, (string)vector["cluster"]!, (string)vector["provider"]!);

    private static byte[] Aad(JsonNode vector, Edek edek)
    {
        EnvelopeContext context = Context(vector);
        byte[] aad = new byte[context.AadSize(edek.Bound.Length)];
        context.WriteAad(aad, edek.Bound);
        return aad;
    }
}
