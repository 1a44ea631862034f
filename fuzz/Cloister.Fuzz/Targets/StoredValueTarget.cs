using System.Buffers;
using System.Text;
using Cloister.Contracts.StoredValues;
using Cloister.Contracts.Wire;

namespace Cloister.Fuzz.Targets;

/// <summary>The stored-value codec.</summary>
internal sealed class StoredValueTarget : IFuzzTarget
{
    public string Name => "stored-value";

    public IReadOnlyList<byte[]> Seeds { get; } =
    [
        V2(),
        [.. "k8s:enc:kms:v1:tee:"u8, 0, 4, 1, 2, 3, 4, .. new byte[40]],
        [.. "k8s:enc:aescbc:v1:key1:"u8, .. new byte[32]],
        [.. "k8s\0"u8, .. new byte[20]],
        Encoding.UTF8.GetBytes("{\"kind\":\"Secret\"}"),
    ];

    public bool Run(ReadOnlySpan<byte> input)
    {
        try
        {
            StoredValue value = StoredValue.Parse(input);
            switch (value.Kind)
            {
                case StoredValueKind.KmsV2:
                    EncryptedObject encrypted = EncryptedObject.Parse(value.Body);
                    if (encrypted.Edek.Length is 0 or > EncryptedObject.MaxEdekSize || encrypted.KeyIdText.Length == 0)
                    {
                        throw new InvalidOperationException("out of limits, and accepted");
                    }

                    break;
                case StoredValueKind.KmsV1:
                    value.SplitKmsV1(out ReadOnlySpan<byte> edek, out ReadOnlySpan<byte> data);
                    if (2 + edek.Length + data.Length != value.Body.Length)
                    {
                        throw new InvalidOperationException("bytes were lost");
                    }

                    break;
                case StoredValueKind.Plaintext when input.StartsWith("k8s:enc:"u8):
                    throw new InvalidOperationException("an encrypted value was taken for plaintext");
            }

            return true;
        }
        catch (WireException)
        {
            return false;
        }
    }

    private static byte[] V2()
    {
        ArrayBufferWriter<byte> output = new();
        output.Write(StoredValue.KmsV2PrefixFor("tee"));
        EncryptedObject.Write(output, new byte[80], "cl1-00000000000000000000000000000000", new byte[94]);
        return output.WrittenSpan.ToArray();
    }
}
