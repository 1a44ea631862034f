using System.Numerics;

namespace Cloister.Attestation.Abi.Nitro;

/// <summary>
/// The payload of a Nitro attestation document (AWS Nitro Enclaves, "Attestation process", sections 2.2 and 3.2.2). Read strictly: every
/// field at most once, the required ones present, all within AWS's limits, none unknown. Parsed says nothing about authentic.
/// </summary>
public sealed class NitroDocument
{
    private const int MaximumModuleId = 1024;
    private const int MaximumCertificate = 1024;
    private const int MaximumPublicKey = 1024;
    private const int MaximumUserData = 512;
    private const int MaximumNonce = 512;

    private static readonly string[] Names =
        ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle", "public_key", "user_data", "nonce"];

    private readonly List<ReadOnlyMemory<byte>> _bundle = [];

    private NitroDocument()
    {
    }

    /// <summary>Id of the enclave: instance and enclave.</summary>
    public string ModuleId { get; private set; } = "";

    /// <summary>Name of the digest the registers are made with; <c>SHA384</c> is the only one there is.</summary>
    public string Digest { get; private set; } = "";

    /// <summary>When the document was made, in milliseconds since 1970 UTC.</summary>
    public ulong TimestampMilliseconds { get; private set; }

    /// <summary>The registers.</summary>
    public NitroPcrs Pcrs { get; } = new();

    /// <summary>Certificate of the key that signed the document, DER, not looked into.</summary>
    public ReadOnlyMemory<byte> Certificate { get; private set; }

    /// <summary>The certificates above it, DER: the root FIRST, then down to the issuer of <see cref="Certificate"/>.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> CaBundle => _bundle;

    /// <summary>Key that the enclave put in, at most 1024 bytes; null when it did not.</summary>
    public ReadOnlyMemory<byte>? PublicKey { get; private set; }

    /// <summary>Data that the enclave put in, at most 512 bytes; null when it did not.</summary>
    public ReadOnlyMemory<byte>? UserData { get; private set; }

    /// <summary>Nonce that the enclave put in, at most 512 bytes; null when it did not.</summary>
    public ReadOnlyMemory<byte>? Nonce { get; private set; }

    /// <summary>Reads a document that fills <paramref name="payload"/> exactly.</summary>
    /// <param name="payload">Payload of the COSE message; kept, not copied.</param>
    /// <param name="offset">Where it starts in the message, for errors.</param>
    /// <exception cref="EvidenceFormatException">It is not such a document.</exception>
    public static NitroDocument Parse(ReadOnlyMemory<byte> payload, int offset = 0)
    {
        CborFields fields = new(payload, "document", offset);
        NitroDocument document = new();
        fields.StartMap("map");
        uint seen = 0;
        while (fields.HasItem("map"))
        {
            int at = fields.Offset;
            string name = fields.Text("key", 64);
            int index = Array.IndexOf(Names, name);
            if (index < 0 || (seen & (1u << index)) != 0)
            {
                throw fields.ErrorAt("key", at, index < 0 ? "an unknown field" : $"a second {name}");
            }

            seen |= 1u << index;
            document.Read(fields, name);
        }

        fields.EndMap("map");
        fields.End();
        const uint required = 0b111111;
        return (seen & required) == required
            ? document
            : throw fields.ErrorAt(Names[BitOperations.TrailingZeroCount(~seen)], offset, "the field is missing");
    }

    private void Read(CborFields fields, string name)
    {
        switch (name)
        {
            case "module_id":
                ModuleId = NonEmpty(fields, name, MaximumModuleId);
                break;
            case "digest":
                Digest = NonEmpty(fields, name, 64);
                break;
            case "timestamp":
                TimestampMilliseconds = fields.Unsigned(name);
                break;
            case "pcrs":
                ReadPcrs(fields);
                break;
            case "certificate":
                Certificate = fields.Bytes(name, 1, MaximumCertificate);
                break;
            case "cabundle":
                ReadBundle(fields);
                break;
            case "public_key":
                PublicKey = fields.BytesOrNull(name, 1, MaximumPublicKey);
                break;
            case "user_data":
                UserData = fields.BytesOrNull(name, 0, MaximumUserData);
                break;
            default:
                Nonce = fields.BytesOrNull(name, 0, MaximumNonce);
                break;
        }
    }

    private void ReadPcrs(CborFields fields)
    {
        int start = fields.Offset;
        fields.StartMap("pcrs");
        int count = 0;
        for (; fields.HasItem("pcrs"); count++)
        {
            int at = fields.Offset;
            ulong index = fields.Unsigned("pcrs.index");
            if (index >= NitroPcrs.Count || Pcrs[(int)index] is not null)
            {
                throw fields.ErrorAt("pcrs.index", at, "an index above 31, or a second time");
            }

            at = fields.Offset;
            ReadOnlyMemory<byte> value = fields.Bytes("pcrs.value", 32, 64);
            Pcrs[(int)index] = value.Length is 32 or 48 or 64
                ? value
                : throw fields.ErrorAt("pcrs.value", at, $"{value.Length} bytes, expected 32, 48 or 64");
        }

        fields.EndMap("pcrs");
        if (count == 0)
        {
            throw fields.ErrorAt("pcrs", start, "no register");
        }
    }

    private void ReadBundle(CborFields fields)
    {
        int start = fields.Offset;
        fields.StartArray("cabundle");
        while (fields.HasItem("cabundle"))
        {
            _bundle.Add(fields.Bytes("cabundle.certificate", 1, MaximumCertificate));
        }

        fields.EndArray("cabundle");
        if (_bundle.Count == 0)
        {
            throw fields.ErrorAt("cabundle", start, "no certificate");
        }
    }

    private static string NonEmpty(CborFields fields, string name, int maximum)
    {
        int at = fields.Offset;
        string text = fields.Text(name, maximum);
        return text.Length > 0 ? text : throw fields.ErrorAt(name, at, "empty");
    }
}
