namespace Cloister.Enclave.Tees.Nitro;

/// <summary>
/// The few fields of an attestation document that its own enclave looks at. Nothing is verified: that is for the relying party. Source: AWS
/// Nitro Enclaves, "Attestation process". secrets: none.
/// </summary>
internal readonly ref struct NitroDocumentFields
{
    private NitroDocumentFields(ReadOnlySpan<byte> userData, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> publicKey)
    {
        UserData = userData;
        Nonce = nonce;
        PublicKey = publicKey;
    }

    internal ReadOnlySpan<byte> UserData { get; }

    internal ReadOnlySpan<byte> Nonce { get; }

    internal ReadOnlySpan<byte> PublicKey { get; }

    /// <summary>Finds the fields; false when this is no document.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> document, out NitroDocumentFields read)
    {
        read = default;
        try
        {
            // COSE_Sign1: protected, unprotected, payload, signature.
            CborReader message = new(document);
            message.OptionalTag();
            message.Array(4);
            message.Bytes();
            message.Skip();
            read = ReadPayload(message.Bytes());
            message.Bytes();
            return message.IsAtEnd;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private static NitroDocumentFields ReadPayload(ReadOnlySpan<byte> payload)
    {
        ReadOnlySpan<byte> userData = default;
        ReadOnlySpan<byte> nonce = default;
        ReadOnlySpan<byte> publicKey = default;
        CborReader reader = new(payload);
        ulong? pairs = reader.Map();
        while (reader.GoesOn(ref pairs))
        {
            ReadOnlySpan<byte> name = reader.Text();
            if (reader.IsNull)
            {
                reader.Skip();
            }
            else if (name.SequenceEqual("user_data"u8))
            {
                userData = reader.Bytes();
            }
            else if (name.SequenceEqual("nonce"u8))
            {
                nonce = reader.Bytes();
            }
            else if (name.SequenceEqual("public_key"u8))
            {
                publicKey = reader.Bytes();
            }
            else
            {
                reader.Skip();
            }
        }

        return reader.IsAtEnd ? new NitroDocumentFields(userData, nonce, publicKey) : throw new FormatException();
    }
}
