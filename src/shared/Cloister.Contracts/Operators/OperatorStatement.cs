using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Cloister.Contracts.Operators;

/// <summary>What an operator can have an enclave of custody manual do with its KEKs. The numbers are part of the format.</summary>
public enum OperatorAct : byte
{
    /// <summary>Make the next version of a KEK in the enclave; writes use it.</summary>
    Create = 1,

    /// <summary>Take a KEK that comes over the admin socket as it is.</summary>
    Import = 2,

    /// <summary>Take a KEK that is encrypted to the enclave.</summary>
    Provision = 3,

    /// <summary>Remove a version.</summary>
    Retire = 4,

    /// <summary>Remove all KEKs.</summary>
    Wipe = 5,
}

/// <summary>
/// One change of an enclave's KEKs, as an operator signs it: for one act, one cluster, one provider, one KEK, and one ticket, which the enclave
/// gave and takes once. Source: docs/provisioning.md, "Operators". secrets: none; the KEK is in it as a digest.
/// </summary>
/// <param name="Act">What is to be done.</param>
/// <param name="Cluster">Cluster of the enclave.</param>
/// <param name="Provider">Provider name of the enclave.</param>
/// <param name="Ticket">The enclave's ticket, <see cref="TicketSize"/> bytes.</param>
public sealed record OperatorStatement(OperatorAct Act, string Cluster, string Provider, ReadOnlyMemory<byte> Ticket)
{
    /// <summary>Bytes of a ticket.</summary>
    public const int TicketSize = 32;

    /// <summary>Bytes of a signature: r and s.</summary>
    public const int SignatureSize = 64;

    private const string Label = "cloister-operator-act-v1";

    /// <summary>Name of the KEK; empty for acts that name none.</summary>
    public string Kek { get; init; } = "";

    /// <summary>Version of the KEK; 0 where the enclave chooses it.</summary>
    public uint Version { get; init; }

    /// <summary>Whether writes use it from now on.</summary>
    public bool Active { get; init; }

    /// <summary>key_id of the KEK; empty where there is none yet.</summary>
    public string KeyId { get; init; } = "";

    /// <summary>SHA-256 of the KEK's bytes; empty where none is given.</summary>
    public ReadOnlyMemory<byte> KeyDigest { get; init; }

    /// <summary>
    /// The bytes that are signed: label, act (1), cluster, provider, KEK, version (4), active (1), key_id, digest and ticket; every text and digest
    /// after its length (2). Integers are big-endian.
    /// </summary>
    public byte[] Encode()
    {
        using MemoryStream bytes = new();
        Append(bytes, Encoding.UTF8.GetBytes(Label));
        bytes.WriteByte((byte)Act);
        Append(bytes, Encoding.UTF8.GetBytes(Cluster));
        Append(bytes, Encoding.UTF8.GetBytes(Provider));
        Append(bytes, Encoding.UTF8.GetBytes(Kek));
        Span<byte> version = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(version, Version);
        bytes.Write(version);
        bytes.WriteByte(Active ? (byte)1 : (byte)0);
        Append(bytes, Encoding.UTF8.GetBytes(KeyId));
        Append(bytes, KeyDigest.Span);
        Append(bytes, Ticket.Span);
        return bytes.ToArray();
    }

    /// <summary>Signs it: ECDSA with SHA-256, r and s.</summary>
    /// <param name="key">A P-256 key.</param>
    public byte[] Sign(ECDsa key) => key.SignData(Encode(), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    /// <summary>True when a P-256 key signed exactly this.</summary>
    /// <param name="publicKeyInfo">DER of the key's SubjectPublicKeyInfo.</param>
    /// <param name="signature">r and s.</param>
    public bool IsSignedBy(ReadOnlySpan<byte> publicKeyInfo, ReadOnlySpan<byte> signature)
    {
        try
        {
            using ECDsa key = ECDsa.Create();
            key.ImportSubjectPublicKeyInfo(publicKeyInfo, out int read);
            return read == publicKeyInfo.Length
                && key.ExportParameters(includePrivateParameters: false).Curve.Oid.Value == ECCurve.NamedCurves.nistP256.Oid.Value
                && key.VerifyData(Encode(), signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static void Append(MemoryStream bytes, ReadOnlySpan<byte> part)
    {
        Span<byte> length = stackalloc byte[sizeof(ushort)];
        BinaryPrimitives.WriteUInt16BigEndian(length, checked((ushort)part.Length));
        bytes.Write(length);
        bytes.Write(part);
    }
}
