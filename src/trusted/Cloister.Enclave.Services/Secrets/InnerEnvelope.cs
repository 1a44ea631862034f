using System.Text;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.StoredValues;
using Cloister.Contracts.Wire;

namespace Cloister.Enclave.Services.Secrets;

/// <summary>
/// What a plaintext says that is a stored value itself, because it was encrypted twice: an API server with a KMS provider behind a gateway. Whoever
/// takes a KEK away has to know that the inner value needs it. secrets: nothing of a plaintext that is not encrypted comes out.
/// </summary>
internal static class InnerEnvelope
{
    /// <summary>Writes fields 2 and 3 of <c>CheckItem</c> (proto/cloister/secrets.proto), if there is an inner envelope.</summary>
    internal static void Write(ProtoWriter writer, ReadOnlySpan<byte> plaintext)
    {
        try
        {
            StoredValue inner = StoredValue.Parse(plaintext);
            if (inner.Kind == StoredValueKind.Plaintext)
            {
                return;
            }

            writer.String(2, inner.Kind == StoredValueKind.Unknown ? "k8s:enc:" : Encoding.UTF8.GetString(plaintext[..^inner.Body.Length]));
            writer.String(3, Edek.Parse(EdekOf(inner)).Kek.ToString());
        }
        catch (WireException)
        {
            // An envelope that is malformed, or of somebody else: it names no KEK of ours.
        }
    }

    private static ReadOnlySpan<byte> EdekOf(StoredValue inner)
    {
        switch (inner.Kind)
        {
            case StoredValueKind.KmsV2:
                return EncryptedObject.Parse(inner.Body).Edek;
            case StoredValueKind.KmsV1:
                inner.SplitKmsV1(out ReadOnlySpan<byte> edek, out _);
                return edek;
            default:
                return default;
        }
    }
}
