using System.Text;
using Cloister.Contracts.Keys;

namespace Cloister.Cli.Etcd.Scan;

/// <summary>
/// Finds every KEK that a value names, wherever it stands in it: EDEKs of Cloister by their head (docs/envelope-format.md), whichever provider, kind of
/// resource or format they are wrapped in, and key_ids in values that a provider encrypted. Where in doubt, a KEK is named: the answer decides whether a
/// key may go. secrets: the value may be a Secret in clear; nothing of it comes out but names of KEKs.
/// </summary>
internal static class EdekFinder
{
    // Magic 4, format version 1, suite 1, fingerprint.
    private const int FingerprintOffset = 6;
    private const int HeadSize = FingerprintOffset + KeyFingerprint.Size;
    private const int KeyIdSize = 4 + (2 * KeyFingerprint.Size);

    // Text has no such bytes; every format version and suite to come may have.
    private const byte MostOfVersionAndSuite = 31;

    private static ReadOnlySpan<byte> Magic => "CLED"u8;

    private static ReadOnlySpan<byte> EncryptionPrefix => "k8s:enc:"u8;

    /// <summary>Adds the key_ids of all KEKs that a value names.</summary>
    internal static void Find(ReadOnlySpan<byte> value, ISet<string> keyIds)
    {
        for (ReadOnlySpan<byte> rest = value; rest.IndexOf(Magic) is >= 0 and int at; rest = rest[(at + 1)..])
        {
            ReadOnlySpan<byte> head = rest[at..];
            if (head.Length >= HeadSize && head[4] <= MostOfVersionAndSuite && head[5] <= MostOfVersionAndSuite)
            {
                keyIds.Add(KeyId.Format(new KeyFingerprint(head[FingerprintOffset..HeadSize])));
            }
        }

        if (value.StartsWith(EncryptionPrefix))
        {
            FindKeyIds(value, keyIds);
        }
    }

    // The key_id of KMS v2 stands beside the EDEK: also of one whose EDEK is damaged.
    private static void FindKeyIds(ReadOnlySpan<byte> value, ISet<string> keyIds)
    {
        ReadOnlySpan<byte> prefix = "cl1-"u8;
        for (ReadOnlySpan<byte> rest = value; rest.IndexOf(prefix) is >= 0 and int at; rest = rest[(at + 1)..])
        {
            if (rest.Length - at >= KeyIdSize && KeyId.TryParse(rest.Slice(at, KeyIdSize), out _))
            {
                keyIds.Add(Encoding.ASCII.GetString(rest.Slice(at, KeyIdSize)));
            }
        }
    }
}
