using System.Buffers;
using System.Text;
using Cloister.Contracts.Wire;

namespace Cloister.Contracts.StoredValues;

/// <summary>
/// The body of a KMS v2 value, read in place: <c>EncryptedObject</c> of k8s.io/apiserver (proto/k8s/stored_value.proto).
/// </summary>
public readonly ref struct EncryptedObject
{
    /// <summary>The most bytes that a key_id may have.</summary>
    public const int MaxKeyIdSize = 1024;

    /// <summary>The most bytes that an EDEK may have.</summary>
    public const int MaxEdekSize = 1024;

    /// <summary>The most bytes that keys and values of all annotations may have together.</summary>
    public const int MaxAnnotationsSize = 32 * 1024;

    private EncryptedObject(ReadOnlySpan<byte> data, ReadOnlySpan<byte> keyId, ReadOnlySpan<byte> edek, DekSourceType type, int annotationsSize)
    {
        Data = data;
        KeyIdUtf8 = keyId;
        Edek = edek;
        SourceType = type;
        AnnotationsSize = annotationsSize;
    }

    /// <summary>What AES-GCM made; its layout depends on <see cref="SourceType"/>.</summary>
    public ReadOnlySpan<byte> Data { get; }

    /// <summary>The key_id that the plugin gave with the EDEK.</summary>
    public string KeyIdText => Encoding.UTF8.GetString(KeyIdUtf8);

    /// <summary>The same in UTF-8, in place.</summary>
    public ReadOnlySpan<byte> KeyIdUtf8 { get; }

    /// <summary>The EDEK, 1 to 1024 bytes.</summary>
    public ReadOnlySpan<byte> Edek { get; }

    /// <summary>What the EDEK holds.</summary>
    public DekSourceType SourceType { get; }

    /// <summary>Bytes of all annotation keys and values.</summary>
    public int AnnotationsSize { get; }

    /// <summary>Reads the body of a KMS v2 value and checks the API server's limits.</summary>
    /// <exception cref="WireException">Malformed or out of limits.</exception>
    public static EncryptedObject Parse(ReadOnlySpan<byte> body)
    {
        ReadOnlySpan<byte> data = default;
        ReadOnlySpan<byte> edek = default;
        ReadOnlySpan<byte> keyId = default;
        ulong type = 0;
        int annotations = 0;
        ProtoReader reader = new(body);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    data = reader.Bytes();
                    break;
                case 2:
                    keyId = reader.Utf8();
                    break;
                case 3:
                    edek = reader.Bytes();
                    break;
                case 4:
                    annotations += AnnotationSize(reader.Bytes());
                    break;
                case 5:
                    type = reader.Integer();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (data.IsEmpty || keyId.IsEmpty || edek.IsEmpty)
        {
            throw new WireException("encryptedData, keyID or encryptedDEKSource is missing", body.Length);
        }

        if (edek.Length > MaxEdekSize || keyId.Length > MaxKeyIdSize || annotations > MaxAnnotationsSize)
        {
            throw new WireException("encryptedDEKSource, keyID or annotations are too long", body.Length);
        }

        if (type > 1)
        {
            throw new WireException($"encryptedDEKSourceType {type} is unknown", body.Length);
        }

        return new EncryptedObject(data, keyId, edek, (DekSourceType)type, annotations);
    }

    /// <summary>Writes the body of a KMS v2 value of source type 1.</summary>
    public static void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> data, string keyId, ReadOnlySpan<byte> edek)
    {
        ProtoWriter writer = new(output);
        writer.Bytes(1, data);
        writer.String(2, keyId);
        writer.Bytes(3, edek);
        writer.Integer(5, (ulong)DekSourceType.HkdfSha256Seed);
    }

    private static int AnnotationSize(ReadOnlySpan<byte> entry)
    {
        int size = 0;
        ProtoReader reader = new(entry);
        while (reader.Next())
        {
            if (reader.Field is 1 or 2)
            {
                size += reader.Bytes().Length;
            }
            else
            {
                reader.Skip();
            }
        }

        return size;
    }
}
