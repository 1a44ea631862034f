using System.Security.Cryptography;
using Cloister.Enclave.Keys.Crypto;

namespace Cloister.Enclave.Tees.Vtpm;

/// <summary>
/// The few commands of a TPM that are needed here: read an index, quote and read registers, derive a key that is bound to registers. Source: TPM 2.0 Library,
/// part 3. secrets: the derived key passes through.
/// </summary>
internal static class Tpm
{
    internal const int Registers = 24;
    internal const int DigestSize = 32;

    private const uint Owner = 0x40000001;
    private const uint Null = 0x40000007;
    private const ushort Sha256 = 0x000B;
    private const ushort NoAlgorithm = 0x0010;
    private const ushort KeyedHash = 0x0008;
    private const ushort Hmac = 0x0005;
    private const ushort RsaSsa = 0x0014;
    private const int MaxIndex = 16 * 1024;
    private const int MaxRead = 512;

    // fixedTPM, fixedParent, sensitiveDataOrigin, adminWithPolicy, noDA, sign; userWithAuth is off: only the policy lets it be used.
    private const uint BoundKeyAttributes = (1 << 1) | (1 << 4) | (1 << 5) | (1 << 7) | (1 << 10) | (1 << 18);

    /// <summary>The content of an NV index.</summary>
    internal static byte[] ReadIndex(TpmChannel tpm, uint index)
    {
        TpmCommand ask = new(0x169, index);
        TpmReader area = new(tpm.Run(ask.End(), $"the size of index 0x{index:x}").Sized(512));
        bool same = area.U32() == index;
        _ = area.U16();
        _ = area.U32();
        _ = area.Sized(64);
        int size = area.U16();
        if (!same || size > MaxIndex || !area.IsEmpty)
        {
            throw TpmReader.Malformed();
        }

        byte[] content = new byte[size];
        for (int at = 0; at < size; at += MaxRead)
        {
            int wanted = Math.Min(MaxRead, size - at);
            TpmCommand read = new(0x14E, Owner, index);
            read.AuthorizeEmpty();
            read.U16((ushort)wanted);
            read.U16((ushort)at);
            ReadOnlySpan<byte> part = tpm.Run(read.End(), $"index 0x{index:x}").Sized(MaxRead);
            if (part.Length != wanted)
            {
                throw TpmReader.Malformed();
            }

            part.CopyTo(content.AsSpan(at));
        }

        return content;
    }

    /// <summary>A quote of all registers of the SHA-256 bank by an RSA key that is in the TPM.</summary>
    /// <returns>What was signed, and the signature.</returns>
    internal static (byte[] Attest, byte[] Signature) Quote(TpmChannel tpm, uint key, ReadOnlySpan<byte> qualifyingData)
    {
        TpmCommand quote = new(0x158, key);
        quote.AuthorizeEmpty();
        quote.Sized(qualifyingData);
        quote.U16(NoAlgorithm);
        Select(ref quote, 0xFFFFFF);
        TpmReader answer = tpm.Run(quote.End(), $"a quote by the key 0x{key:x}");
        byte[] attest = answer.Sized(512).ToArray();
        bool isExpected = answer.U16() == RsaSsa & answer.U16() == Sha256;
        byte[] signature = answer.Sized(512).ToArray();
        return isExpected && answer.IsEmpty ? (attest, signature) : throw new TeeException($"the key 0x{key:x} of the TPM signs by another scheme than RSASSA with SHA-256: it is not the attestation key of an Azure confidential VM");
    }

    /// <summary>Registers of the SHA-256 bank, ascending.</summary>
    /// <param name="tpm">The TPM.</param>
    /// <param name="selected">Which, a bit each.</param>
    internal static byte[][] ReadRegisters(TpmChannel tpm, int selected)
    {
        List<byte[]> registers = [];

        // A TPM gives at most eight at a time.
        for (int first = 0; first < Registers; first += 8)
        {
            int wanted = selected & (0xFF << first);
            if (wanted == 0)
            {
                continue;
            }

            TpmCommand read = new(0x17E);
            Select(ref read, wanted);
            TpmReader answer = tpm.Run(read.End(), "its registers");
            _ = answer.U32();
            bool isExpected = answer.U32() == 1 & answer.U16() == Sha256 & answer.U8() == 3 & Bits(answer.Take(3)) == wanted;
            uint count = answer.U32();
            if (!isExpected || count != (uint)int.PopCount(wanted))
            {
                throw new TeeException("the TPM has no SHA-256 bank of registers");
            }

            for (uint i = 0; i < count; i++)
            {
                ReadOnlySpan<byte> register = answer.Sized(DigestSize);
                registers.Add(register.Length == DigestSize ? register.ToArray() : throw TpmReader.Malformed());
            }
        }

        return [.. registers];
    }

    /// <summary>
    /// A key that this TPM derives again as long as its owner's seed stays, and only while the registers are as they are now: an HMAC by a primary key whose policy names them, and
    /// whose secret therefore depends on them.
    /// </summary>
    /// <param name="tpm">The TPM.</param>
    /// <param name="selected">Which registers, a bit each.</param>
    /// <param name="label">What is signed, at most 64 bytes.</param>
    /// <param name="key">Where the 32 bytes go.</param>
    internal static void DeriveBound(TpmChannel tpm, int selected, ReadOnlySpan<byte> label, Span<byte> key)
    {
        byte[] registers = SHA256.HashData([.. ReadRegisters(tpm, selected).SelectMany(register => register)]);
        uint primary = CreateBoundKey(tpm, PolicyOf(selected, registers), label);
        uint session = StartPolicy(tpm);
        TpmCommand policy = new(0x17F, session);
        policy.Sized(registers);
        Select(ref policy, selected);
        if (!tpm.Run(policy.End(), "a policy of its registers").IsEmpty)
        {
            throw TpmReader.Malformed();
        }

        TpmCommand sign = new(0x155, primary);
        sign.Authorize(session);
        sign.Sized(label);
        sign.U16(Sha256);
        TpmReader answer = tpm.Run(sign.End(), "a key that is bound to its registers");
        ReadOnlySpan<byte> derived = answer.Sized(DigestSize);
        if (derived.Length != key.Length || !answer.IsEmpty)
        {
            throw TpmReader.Malformed();
        }

        derived.CopyTo(key);
    }

    private static uint CreateBoundKey(TpmChannel tpm, ReadOnlySpan<byte> policy, ReadOnlySpan<byte> label)
    {
        TpmCommand create = new(0x131, Owner);
        create.AuthorizeEmpty();
        create.U16(4);
        create.U32(0);
        create.U16((ushort)(2 + 2 + 4 + 2 + policy.Length + 2 + 2 + 2 + label.Length));
        create.U16(KeyedHash);
        create.U16(Sha256);
        create.U32(BoundKeyAttributes);
        create.Sized(policy);
        create.U16(Hmac);
        create.U16(Sha256);
        create.Sized(label);
        create.U16(0);
        create.U32(0);
        _ = tpm.Run(create.End(), "a key of its owner", out uint primary, givesHandle: true);
        return primary;
    }

    private static uint StartPolicy(TpmChannel tpm)
    {
        Span<byte> nonce = stackalloc byte[DigestSize];
        KernelRandom.Fill(nonce);
        TpmCommand start = new(0x176, Null, Null);
        start.Sized(nonce);
        start.U16(0);
        start.U8(1);
        start.U16(NoAlgorithm);
        start.U16(Sha256);
        _ = tpm.Run(start.End(), "a session", out uint session, givesHandle: true);
        return session;
    }

    // Part 3, TPM2_PolicyPCR: H(zeros | TPM_CC_PolicyPCR | selection | digest).
    private static byte[] PolicyOf(int selected, ReadOnlySpan<byte> registers) =>
        SHA256.HashData([.. new byte[DigestSize], 0, 0, 1, 0x7F, 0, 0, 0, 1, 0, (byte)Sha256, .. Selection(selected), .. registers]);

    // TPMS_PCR_SELECTION without its bank.
    private static byte[] Selection(int selected) => [3, (byte)(selected & 0xFF), (byte)(selected >> 8 & 0xFF), (byte)(selected >> 16 & 0xFF)];

    private static void Select(ref TpmCommand command, int selected)
    {
        command.U32(1);
        command.U16(Sha256);
        command.Raw(Selection(selected));
    }

    private static int Bits(ReadOnlySpan<byte> selection) => selection[0] | (selection[1] << 8) | (selection[2] << 16);
}
