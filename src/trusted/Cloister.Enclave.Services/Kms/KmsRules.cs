using Cloister.Contracts.Wire;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Services.Kms;

/// <summary>
/// Limits that Kubernetes puts on the KMS messages. Source: k8s.io/apiserver, value/encrypt/envelope/kmsv2, validation functions.
/// secrets: none.
/// </summary>
internal static class KmsRules
{
    /// <summary>An annotation key is a lower-case DNS name of at least two labels.</summary>
    internal static bool IsFullyQualifiedName(ReadOnlySpan<byte> name)
    {
        if (name.Length is 0 or > 253 || !name.Contains((byte)'.'))
        {
            return false;
        }

        foreach (Range label in name.Split((byte)'.'))
        {
            if (!IsLabel(name[label]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Checks one annotation of a request.</summary>
    /// <returns>Bytes of its key and value.</returns>
    internal static int CheckAnnotation(ReadOnlySpan<byte> entry)
    {
        ReadOnlySpan<byte> key = default;
        int valueSize = 0;
        ProtoReader reader = new(entry);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    key = reader.Bytes();
                    break;
                case 2:
                    valueSize = reader.Bytes().Length;
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return IsFullyQualifiedName(key)
            ? key.Length + valueSize
            : throw new FailureException(FailureKind.Invalid, "an annotation's key is not a fully qualified domain name (RFC 1123, lower case, at least two labels)");
    }

    private static bool IsLabel(ReadOnlySpan<byte> label)
    {
        if (label.Length is 0 or > 63 || label[0] == (byte)'-' || label[^1] == (byte)'-')
        {
            return false;
        }

        foreach (byte c in label)
        {
            if (!(char.IsAsciiLetterLower((char)c) || char.IsAsciiDigit((char)c) || c == (byte)'-'))
            {
                return false;
            }
        }

        return true;
    }
}
