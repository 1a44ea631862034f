using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cloister.Contracts.Envelope;
using Cloister.Enclave.Crypto;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Memory;

namespace Cloister.Enclave.Custody;

/// <summary>
/// The sealed copy of a KEK ring: one file, replaced as a whole, encrypted with a key that only this enclave has, bound to cluster and
/// provider. It is a cache, never the only copy: a host can put back an older file. Source: docs/sealed-keks.md.
/// secrets: KEKs pass through in pinned memory that is wiped.
/// </summary>
public sealed class SealedKeks
{
    private const int HeaderSize = 5;
    private const int MaxFileSize = 256 * 1024;
    private const byte FormatVersion = 1;
    private const string Purpose = "sealed-keks";

    private readonly string _path;
    private readonly EnvelopeContext _context;
    private readonly ISealer _sealer;
    private readonly SecretArena _arena;

    /// <summary>Names the file; it need not exist, its folder must.</summary>
    public SealedKeks(string path, EnvelopeContext context, ISealer sealer, SecretArena arena)
    {
        _path = path;
        _context = context.For(Purpose);
        _sealer = sealer;
        _arena = arena;
    }

    private static ReadOnlySpan<byte> Magic => "CLSK"u8;

    /// <summary>Reads the ring; an empty ring when there is no file.</summary>
    /// <exception cref="SealException">There is a file and it does not open.</exception>
    public KekRing Load()
    {
        if (!File.Exists(_path))
        {
            return KekRing.Empty;
        }

        byte[] file;
        try
        {
            if (new FileInfo(_path).Length > MaxFileSize)
            {
                throw NotOpened();
            }

            file = File.ReadAllBytes(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SealException($"the sealed copy {_path} cannot be read: check its owner and mode");
        }

        if (file.Length < HeaderSize + Edek.NonceSize + Edek.TagSize || !file.AsSpan().StartsWith(Magic) || file[4] != FormatVersion)
        {
            throw NotOpened();
        }

        ReadOnlySpan<byte> sealedPart = file.AsSpan(HeaderSize + Edek.NonceSize);
        byte[] plaintext = GC.AllocateUninitializedArray<byte>(sealedPart.Length - Edek.TagSize, pinned: true);
        try
        {
            using SecretKey key = _sealer.SealingKey(_arena);
            using Xaes256Gcm cipher = new(key);
            Span<byte> aad = stackalloc byte[_context.AadSize(HeaderSize)];
            return cipher.TryDecrypt(file.AsSpan(HeaderSize, Edek.NonceSize), sealedPart, _context.WriteAad(aad, file.AsSpan(0, HeaderSize)), plaintext)
                ? Read(plaintext)
                : throw NotOpened();
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    /// <summary>Replaces the file. When it returns, the ring survives a loss of power.</summary>
    /// <exception cref="SealException">The file cannot be written; the old one is as it was.</exception>
    public void Save(KekRing ring)
    {
        byte[] plaintext = GC.AllocateUninitializedArray<byte>(PlaintextSize(ring), pinned: true);
        byte[] file = new byte[HeaderSize + Edek.NonceSize + plaintext.Length + Edek.TagSize];
        Magic.CopyTo(file);
        file[4] = FormatVersion;
        RandomPool.Shared.Fill(file.AsSpan(HeaderSize, Edek.NonceSize));
        try
        {
            Write(ring, plaintext);
            using SecretKey key = _sealer.SealingKey(_arena);
            using Xaes256Gcm cipher = new(key);
            Span<byte> aad = stackalloc byte[_context.AadSize(HeaderSize)];
            cipher.Encrypt(
                file.AsSpan(HeaderSize, Edek.NonceSize),
                plaintext,
                _context.WriteAad(aad, file.AsSpan(0, HeaderSize)),
                file.AsSpan(HeaderSize + Edek.NonceSize));
            DurableFile.Replace(_path, file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SealException($"the sealed copy {_path} cannot be written: check that its folder exists, belongs to this user and has space");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    /// <summary>Removes the file.</summary>
    /// <exception cref="SealException">It cannot be removed.</exception>
    public void Delete()
    {
        try
        {
            File.Delete(_path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SealException($"the sealed copy {_path} cannot be removed: remove it by hand, it would bring the KEKs back at the next start");
        }
    }

    // Plaintext: count 2, then for each KEK: active 1, version 4, length of name 1, name, key 32.
    private static int PlaintextSize(KekRing ring)
    {
        if (ring.All.Count > KekRing.MaxSize)
        {
            throw new SealException($"more than {KekRing.MaxSize} KEK versions: retire those that no stored value needs");
        }

        return 2 + ring.All.Sum(kek => 6 + Encoding.ASCII.GetByteCount(kek.Identity.Name) + SecretKey.Size);
    }

    private static void Write(KekRing ring, byte[] plaintext)
    {
        BinaryPrimitives.WriteUInt16BigEndian(plaintext, (ushort)ring.All.Count);
        int position = 2;
        foreach (Kek kek in ring.All)
        {
            plaintext[position] = kek == ring.Active ? (byte)1 : (byte)0;
            BinaryPrimitives.WriteUInt32BigEndian(plaintext.AsSpan(position + 1), kek.Identity.Version);
            int name = Encoding.ASCII.GetBytes(kek.Identity.Name, plaintext.AsSpan(position + 6));
            plaintext[position + 5] = (byte)name;
            position += 6 + name;
            kek.Key.Use(plaintext.AsSpan(position, SecretKey.Size), static (key, destination) => key.TryCopyTo(destination));
            position += SecretKey.Size;
        }
    }

    private KekRing Read(Span<byte> plaintext)
    {
        List<Kek> keks = [];
        Kek? active = null;
        if (plaintext.Length < 2)
        {
            throw NotOpened();
        }

        int count = BinaryPrimitives.ReadUInt16BigEndian(plaintext);
        Span<byte> rest = plaintext[2..];
        for (int i = 0; i < count; i++)
        {
            if (rest.Length < 6 || rest.Length < 6 + rest[5] + SecretKey.Size)
            {
                throw NotOpened();
            }

            int name = rest[5];
            Kek kek = Kek.Manual(
                Encoding.ASCII.GetString(rest.Slice(6, name)),
                BinaryPrimitives.ReadUInt32BigEndian(rest[1..]),
                SecretKey.TakeOver(_arena, rest.Slice(6 + name, SecretKey.Size)));
            keks.Add(kek);
            active = rest[0] == 1 ? kek : active;
            rest = rest[(6 + name + SecretKey.Size)..];
        }

        return rest.IsEmpty ? new KekRing(keks, active) : throw NotOpened();
    }

    private SealException NotOpened() => new(
        $"the sealed copy {_path} does not open ({_sealer.Description}): it was made by another enclave, platform, cluster or provider, or it was changed; "
        + "move it away and provision the KEKs again from their own copy");
}
