using System.Formats.Cbor;
using System.Security.Cryptography;

namespace Cloister.Simulator.Nitro;

/// <summary>The fields of an attestation document to mint. The defaults make a valid one; every part can be made wrong.</summary>
public sealed record NitroDocumentFields
{
    /// <summary>Module id; null leaves the field out.</summary>
    public string? ModuleId { get; init; } = "i-0simulated-enc0";

    /// <summary>Digest name.</summary>
    public string Digest { get; init; } = "SHA384";

    /// <summary>When the document is made.</summary>
    public DateTimeOffset Timestamp { get; init; }

    /// <summary>Registers, by index, in the order they are to be written.</summary>
    public IReadOnlyList<(ulong Index, byte[] Value)> Pcrs { get; init; } = [.. Enumerable.Range(0, 16).Select(i => ((ulong)i, Filled(i)))];

    /// <summary>Certificates above the signer's, root first.</summary>
    public IReadOnlyList<byte[]> CaBundle { get; init; } = [];

    /// <summary>Public key; null is written as null.</summary>
    public byte[]? PublicKey { get; init; }

    /// <summary>User data; null is written as null.</summary>
    public byte[]? UserData { get; init; }

    /// <summary>Nonce; null is written as null.</summary>
    public byte[]? Nonce { get; init; }

    /// <summary>Leaves out the optional fields that are null, instead of writing null.</summary>
    public bool OmitNulls { get; init; }

    /// <summary>Writes the payload as a map of indefinite length, as newer documents are.</summary>
    public bool IndefiniteLength { get; init; } = true;

    /// <summary>Puts tag 18 before the message.</summary>
    public bool Tagged { get; init; }

    /// <summary>Algorithm of the protected header.</summary>
    public int Algorithm { get; init; } = -35;

    /// <summary>Fields to add behind the others, written as text.</summary>
    public IReadOnlyList<(string Name, string Value)> Extra { get; init; } = [];

    /// <summary>The document, signed.</summary>
    /// <param name="signer">The enclave's key and certificate.</param>
    public byte[] Sign(NitroSigner signer)
    {
        ArgumentNullException.ThrowIfNull(signer);
        return Wrap(Payload(signer.Certificate), signer.Key);
    }

    /// <summary>Signs any payload.</summary>
    /// <param name="payload">The payload.</param>
    /// <param name="key">Signs it.</param>
    public byte[] Wrap(byte[] payload, ECDsa key)
    {
        ArgumentNullException.ThrowIfNull(key);
        byte[] header = Write(writer =>
        {
            writer.WriteStartMap(1);
            writer.WriteInt32(1);
            writer.WriteInt32(Algorithm);
            writer.WriteEndMap();
        });
        byte[] signed = Write(writer =>
        {
            writer.WriteStartArray(4);
            writer.WriteTextString("Signature1");
            writer.WriteByteString(header);
            writer.WriteByteString([]);
            writer.WriteByteString(payload);
            writer.WriteEndArray();
        });
        byte[] signature = key.SignData(signed, HashAlgorithmName.SHA384, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        return Write(writer =>
        {
            if (Tagged)
            {
                writer.WriteTag((CborTag)18);
            }

            writer.WriteStartArray(4);
            writer.WriteByteString(header);
            writer.WriteStartMap(0);
            writer.WriteEndMap();
            writer.WriteByteString(payload);
            writer.WriteByteString(signature);
            writer.WriteEndArray();
        });
    }

    /// <summary>The payload, unsigned.</summary>
    /// <param name="certificate">The signer's certificate, DER.</param>
    public byte[] Payload(byte[] certificate)
    {
        List<(string Name, Action<CborWriter> Write)> fields =
        [
            ("digest", w => w.WriteTextString(Digest)),
            ("timestamp", w => w.WriteInt64(Timestamp.ToUnixTimeMilliseconds())),
            ("pcrs", WritePcrs),
            ("certificate", w => w.WriteByteString(certificate)),
            ("cabundle", WriteBundle),
        ];
        if (ModuleId is not null)
        {
            fields.Insert(0, ("module_id", w => w.WriteTextString(ModuleId)));
        }

        foreach ((string name, byte[]? value) in new[] { ("public_key", PublicKey), ("user_data", UserData), ("nonce", Nonce) })
        {
            if (value is not null)
            {
                fields.Add((name, w => w.WriteByteString(value)));
            }
            else if (!OmitNulls)
            {
                fields.Add((name, w => w.WriteNull()));
            }
        }

        fields.AddRange(Extra.Select(extra => (extra.Name, (Action<CborWriter>)(w => w.WriteTextString(extra.Value)))));
        return Write(writer =>
        {
            writer.WriteStartMap(IndefiniteLength ? null : fields.Count);
            foreach ((string name, Action<CborWriter> write) in fields)
            {
                writer.WriteTextString(name);
                write(writer);
            }

            writer.WriteEndMap();
        });
    }

    private void WritePcrs(CborWriter writer)
    {
        writer.WriteStartMap(Pcrs.Count);
        foreach ((ulong index, byte[] value) in Pcrs)
        {
            writer.WriteUInt64(index);
            writer.WriteByteString(value);
        }

        writer.WriteEndMap();
    }

    private void WriteBundle(CborWriter writer)
    {
        writer.WriteStartArray(CaBundle.Count);
        foreach (byte[] certificate in CaBundle)
        {
            writer.WriteByteString(certificate);
        }

        writer.WriteEndArray();
    }

    private static byte[] Filled(int index)
    {
        byte[] value = new byte[48];
        Array.Fill(value, (byte)(index + 1));
        return value;
    }

    private static byte[] Write(Action<CborWriter> write)
    {
        CborWriter writer = new(CborConformanceMode.Lax);
        write(writer);
        return writer.Encode();
    }
}
