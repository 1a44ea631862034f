using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Custody;

/// <summary>
/// The sealed copy of a KEK ring and of what was active: one file, replaced as a whole, encrypted with a key that only this enclave has, bound to cluster and
/// provider. It is a cache, never the only copy: a host can put back an older file. Source: docs/sealed-keks.md.
/// secrets: KEKs pass through in pinned memory that is wiped.
/// </summary>
public sealed class SealedKeks
{
    private const byte FormatVersion = 3;
    private const byte FirstVersion = 1;
    private const int HistoryEntrySize = 4 + KeyFingerprint.Size + 1;
    private const byte Active = 1;
    private const byte ActiveOfNamespaces = 2;
    private const string Purpose = "sealed-keks";

    private readonly SealedFile _file;
    private readonly SecretArena _arena;

    /// <summary>Names the file; it need not exist, its folder must.</summary>
    public SealedKeks(string path, EnvelopeContext context, ISealer sealer, SecretArena arena)
    {
        _file = new SealedFile(path, FormatVersion, context.For(Purpose), sealer, arena, FirstVersion);
        _arena = arena;
    }

    /// <summary>Reads ring and history; both empty when there is no file.</summary>
    /// <exception cref="SealException">There is a file and it does not open.</exception>
    public (KekRing Ring, KekHistory History) Load()
    {
        byte[]? plaintext = _file.Read(out byte version);
        try
        {
            return plaintext is null ? (KekRing.Empty, KekHistory.Empty) : Read(plaintext, version);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plaintext);
        }
    }

    /// <summary>Replaces the file. When it returns, ring and history survive a loss of power.</summary>
    /// <exception cref="SealException">The file cannot be written; the old one is as it was.</exception>
    public void Save(KekRing ring, KekHistory history)
    {
        _file.Replace(_file.Seal(PlaintextSize(ring, history), plaintext => WriteHistory(history, plaintext.AsSpan(WriteRing(ring, plaintext)))));
    }

    /// <summary>Removes the file.</summary>
    /// <exception cref="SealException">It cannot be removed.</exception>
    public void Delete() => _file.Delete();

    // Plaintext: count 2, then for each KEK: active 1, version 4, length of name 1, name, key 32.
    // Then the history: last default KEK 16, count 2, then for each name: version 4, fingerprint 16, length of name 1, name.
    private static int PlaintextSize(KekRing ring, KekHistory history)
    {
        if (ring.All.Count > KekRing.MaxSize)
        {
            throw new SealException($"more than {KekRing.MaxSize} KEK versions: retire those that no stored value needs");
        }

        return 2 + ring.All.Sum(kek => 6 + Encoding.ASCII.GetByteCount(kek.Identity.Name) + SecretKey.Size)
            + KeyFingerprint.Size + 2 + history.Highest.Sum(entry => HistoryEntrySize + Encoding.ASCII.GetByteCount(entry.Key));
    }

    private static int WriteRing(KekRing ring, byte[] plaintext)
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

        return position;
    }

    private static void WriteHistory(KekHistory history, Span<byte> plaintext)
    {
        plaintext[..KeyFingerprint.Size].Clear();
        history.LastDefault?.CopyTo(plaintext);
        BinaryPrimitives.WriteUInt16BigEndian(plaintext[KeyFingerprint.Size..], checked((ushort)history.Highest.Count));
        Span<byte> rest = plaintext[(KeyFingerprint.Size + 2)..];
        foreach ((string name, (uint version, KeyFingerprint kek)) in history.Highest)
        {
            BinaryPrimitives.WriteUInt32BigEndian(rest, version);
            kek.CopyTo(rest[4..]);
            int length = Encoding.ASCII.GetBytes(name, rest[HistoryEntrySize..]);
            rest[HistoryEntrySize - 1] = (byte)length;
            rest = rest[(HistoryEntrySize + length)..];
        }
    }

    private (KekRing Ring, KekHistory History) Read(Span<byte> plaintext, byte version)
    {
        List<Kek> keks = [];
        try
        {
            KekRing ring = ReadRing(plaintext, keks, out Span<byte> rest);

            // The first version did not say what was active before: what it held is all that is known.
            KekHistory history = version == FirstVersion ? KekHistory.Of(ring) : ReadHistory(ref rest);
            return rest.IsEmpty ? (ring, history) : throw _file.NotOpened();
        }
        catch
        {
            keks.ForEach(kek => kek.Dispose());
            throw;
        }
    }

    private KekHistory ReadHistory(ref Span<byte> rest)
    {
        if (rest.Length < KeyFingerprint.Size + 2)
        {
            throw _file.NotOpened();
        }

        bool none = !rest[..KeyFingerprint.Size].ContainsAnyExcept((byte)0);
        KeyFingerprint? last = none ? null : new KeyFingerprint(rest[..KeyFingerprint.Size]);
        int count = BinaryPrimitives.ReadUInt16BigEndian(rest[KeyFingerprint.Size..]);
        rest = rest[(KeyFingerprint.Size + 2)..];
        Dictionary<string, (uint, KeyFingerprint)> highest = [];
        for (int i = 0; i < count; i++)
        {
            if (rest.Length < HistoryEntrySize || rest.Length < HistoryEntrySize + rest[HistoryEntrySize - 1])
            {
                throw _file.NotOpened();
            }

            int length = rest[HistoryEntrySize - 1];
            highest[Encoding.ASCII.GetString(rest.Slice(HistoryEntrySize, length))] =
                (BinaryPrimitives.ReadUInt32BigEndian(rest), new KeyFingerprint(rest.Slice(4, KeyFingerprint.Size)));
            rest = rest[(HistoryEntrySize + length)..];
        }

        return new KekHistory(highest, last);
    }

    private KekRing ReadRing(Span<byte> plaintext, List<Kek> keks, out Span<byte> rest)
    {
        Kek? active = null;
        Dictionary<string, Kek> named = [];
        if (plaintext.Length < 2)
        {
            throw _file.NotOpened();
        }

        int count = BinaryPrimitives.ReadUInt16BigEndian(plaintext);
        rest = plaintext[2..];
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

        return new KekRing(keks, active, named.Values);
    }
}
