using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cloister.Contracts.Envelope;
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
    private const byte FormatVersion = 1;
    private const byte Active = 1;
    private const byte ActiveOfNamespaces = 2;
    private const string Purpose = "sealed-keks";

    private readonly SealedFile _file;
    private readonly SecretArena _arena;

    /// <summary>Names the file; it need not exist, its folder must.</summary>
    public SealedKeks(string path, EnvelopeContext context, ISealer sealer, SecretArena arena)
    {
        _file = new SealedFile(path, FormatVersion, context.For(Purpose), sealer, arena);
        _arena = arena;
    }

    /// <summary>Reads the ring; an empty ring when there is no file.</summary>
    /// <exception cref="SealException">There is a file and it does not open.</exception>
    public KekRing Load()
    {
        byte[]? plaintext = _file.Read();
        try
        {
            return plaintext is null ? KekRing.Empty : Read(plaintext);
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
        _file.Replace(_file.Seal(PlaintextSize(ring), plaintext => Write(ring, plaintext)));
    }

    /// <summary>Removes the file.</summary>
    /// <exception cref="SealException">It cannot be removed.</exception>
    public void Delete() => _file.Delete();

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
            plaintext[position] = kek == ring.Active ? Active : ring.IsActive(kek) ? ActiveOfNamespaces : (byte)0;
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
        Dictionary<string, Kek> named = [];
        if (plaintext.Length < 2)
        {
            throw _file.NotOpened();
        }

        int count = BinaryPrimitives.ReadUInt16BigEndian(plaintext);
        Span<byte> rest = plaintext[2..];
        for (int i = 0; i < count; i++)
        {
            if (rest.Length < 6 || rest.Length < 6 + rest[5] + SecretKey.Size)
            {
                throw _file.NotOpened();
            }

            int name = rest[5];
            Kek kek = Kek.Manual(
                Encoding.ASCII.GetString(rest.Slice(6, name)),
                BinaryPrimitives.ReadUInt32BigEndian(rest[1..]),
                SecretKey.TakeOver(_arena, rest.Slice(6 + name, SecretKey.Size)));
            keks.Add(kek);
            active = rest[0] == Active ? kek : active;
            if (rest[0] == ActiveOfNamespaces)
            {
                named[kek.Identity.Name] = kek;
            }

            rest = rest[(6 + name + SecretKey.Size)..];
        }

        return rest.IsEmpty ? new KekRing(keks, active, named.Values) : throw _file.NotOpened();
    }
}
