using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Cloister.Contracts.Keys;
using Cloister.Kbs;
using Cloister.Release;

namespace Cloister.Cli.Provision;

/// <summary>A KEK on its way to an enclave. Source: docs/provisioning.md.</summary>
internal static class KekParcel
{
    private const int TicketSize = 32;
    private const int GenerationSize = 16;

    /// <summary>The JWE, flattened JSON.</summary>
    internal static string Seal(TeePublicKey enclave, ReadOnlySpan<byte> ticket, string name, uint version, bool inactive, ReadOnlySpan<byte> kek)
    {
        byte[] text = Encoding.ASCII.GetBytes(name);
        byte[] plaintext = GC.AllocateArray<byte>(TicketSize + 6 + text.Length + kek.Length, pinned: true);
        try
        {
            if (ticket.Length != TicketSize)
            {
                throw new CliException("the enclave's answer has no ticket: it runs another version; use the cloister that came with it");
            }

            ticket.CopyTo(plaintext);
            BinaryPrimitives.WriteUInt32BigEndian(plaintext.AsSpan(TicketSize), version);
            plaintext[TicketSize + 4] = inactive ? (byte)1 : (byte)0;
            plaintext[TicketSize + 5] = (byte)text.Length;
            text.CopyTo(plaintext, TicketSize + 6);
            kek.CopyTo(plaintext.AsSpan(TicketSize + 6 + text.Length));
            return JsonSerializer.Serialize(KeyRelease.Encrypt(plaintext, enclave), KbsJson.Default.FlattenedJwe);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    /// <summary>The key_id that this KEK must have, in any enclave (docs/envelope-format.md, "KEK fingerprint").</summary>
    internal static string KeyIdOf(string name, uint version, ReadOnlySpan<byte> kek)
    {
        Span<byte> generation = stackalloc byte[GenerationSize];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, kek, generation, salt: default, info: "cloister-kek-generation-v1"u8);
        return KeyId.Format(new KekIdentity(KekIdentity.ManualAuthority, name, version, Convert.ToHexStringLower(generation)).Fingerprint());
    }
}
