using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cloister.Contracts.Envelope;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Custody.Leases;
using Cloister.Enclave.Keys;
using Cloister.Enclave.Keys.Memory;
using Cloister.Kbs;

namespace Cloister.Enclave.Broker;

/// <summary>
/// The sealed copy of a lease and its KEKs, for a start while no broker answers. It never outlives the lease, and the uses of the lease
/// that were made or reserved stay made. A host that keeps the file and sets its clock back has the lease again, revoked or not: off unless the
/// configuration says so. Its calls wait for disk and platform. Source: docs/sealed-keks.md, version 3. secrets: KEKs pass through in pinned memory
/// that is wiped.
/// </summary>
public sealed class SealedLease
{
    private const byte FormatVersion = 3;
    private const string Purpose = "sealed-lease";
    private const int ConfigurationSize = 48;
    private const int ConfigurationOffset = 4 * 8;
    private const int FixedSize = ConfigurationOffset + ConfigurationSize + 4;
    private const int MaxLeaseSize = 128 * 1024;
    private const int EntrySize = KeyFingerprint.Size + SecretKey.Size;

    private readonly SealedFile _file;
    private readonly byte[] _configuration;
    private readonly BrokerOptions _broker;
    private readonly string _cluster;
    private readonly SecretArena _arena;
    private readonly TimeProvider _time;

    /// <summary>Names the file; it need not exist, its folder must.</summary>
    /// <param name="path">The file.</param>
    /// <param name="context">Cluster and provider.</param>
    /// <param name="configuration">SHA-384 of the configuration file, hex.</param>
    /// <param name="broker">Which keys may have signed the lease, and for which KEK it must be.</param>
    /// <param name="sealer">Gives the sealing key.</param>
    /// <param name="arena">Where keys live.</param>
    /// <param name="time">The host's clock.</param>
    public SealedLease(
        string path, EnvelopeContext context, string configuration, BrokerOptions broker, ISealer sealer, SecretArena arena, TimeProvider time)
    {
        _file = new SealedFile(path, FormatVersion, context.For(Purpose), sealer, arena);
        _configuration = Convert.FromHexString(configuration);
        _broker = broker;
        _cluster = context.Cluster;
        _arena = arena;
        _time = time;
    }

    /// <summary>Reads the copy.</summary>
    /// <returns>The lease, whose KEKs the caller owns; null when there is no copy.</returns>
    /// <exception cref="SealException">There is a copy and it is not to be used.</exception>
    internal RestoredLease? Load()
    {
        byte[]? content = _file.Read();
        try
        {
            return content is null ? null : Read(content);
        }
        catch (BrokerException e)
        {
            throw new SealException($"the sealed copy {_file.Location} is not used: {e.Message}");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }

    /// <summary>Removes the copy of an earlier start that is not to be used any more; what cannot be removed cannot be used either.</summary>
    internal static void RemoveFile(string path)
    {
        try
        {
            StateFile.Remove(path);
        }
        catch (IOException)
        {
            // Another configuration than the one that it was made under: no enclave opens it.
        }
    }

    /// <summary>Where it is.</summary>
    internal string Location => _file.Location;

    /// <summary>Replaces the copy. When it returns, it survives a loss of power.</summary>
    /// <param name="lease">The lease as it came.</param>
    /// <param name="ring">Its KEKs.</param>
    /// <param name="now">The broker's time, milliseconds since 1970.</param>
    /// <param name="uses">Uses made and reserved.</param>
    /// <exception cref="SealException">It cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The KEKs were wiped meanwhile.</exception>
    internal void Save(string lease, KekRing ring, long now, LeaseUses uses)
    {
        if (lease.Length > MaxLeaseSize)
        {
            throw new SealException($"the lease has more than {MaxLeaseSize} bytes: destroy KEK versions that no stored value needs");
        }

        _file.Replace(_file.Seal(FixedSize + lease.Length + 2 + (ring.All.Count * EntrySize), content => Write(content, lease, ring, now, uses)));
    }

    /// <summary>Removes the copy; none is none.</summary>
    /// <exception cref="SealException">It cannot be removed now.</exception>
    internal void Remove() => _file.Delete();

    private void Write(byte[] content, string lease, KekRing ring, long now, LeaseUses uses)
    {
        long[] numbers = [now, HostTime(), uses.Wraps, uses.Unwraps];
        for (int i = 0; i < numbers.Length; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(content.AsSpan(8 * i), numbers[i]);
        }

        _configuration.CopyTo(content, ConfigurationOffset);
        BinaryPrimitives.WriteInt32BigEndian(content.AsSpan(FixedSize - 4), lease.Length);
        int at = FixedSize + Encoding.ASCII.GetBytes(lease, content.AsSpan(FixedSize));
        BinaryPrimitives.WriteUInt16BigEndian(content.AsSpan(at), (ushort)ring.All.Count);
        at += 2;
        foreach (Kek kek in ring.All)
        {
            kek.Fingerprint.CopyTo(content.AsSpan(at));
            kek.Key.Use(content.AsSpan(at + KeyFingerprint.Size, SecretKey.Size), static (key, destination) => key.TryCopyTo(destination));
            at += EntrySize;
        }
    }

    private long HostTime() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private RestoredLease Read(ReadOnlySpan<byte> content)
    {
        if (content.Length < FixedSize + 2)
        {
            throw _file.NotOpened();
        }

        long sealedAt = BinaryPrimitives.ReadInt64BigEndian(content);
        long hostTime = BinaryPrimitives.ReadInt64BigEndian(content[8..]);
        long wraps = BinaryPrimitives.ReadInt64BigEndian(content[16..]);
        long unwraps = BinaryPrimitives.ReadInt64BigEndian(content[24..]);
        int length = BinaryPrimitives.ReadInt32BigEndian(content[(FixedSize - 4)..]);
        if (length is < 0 or > MaxLeaseSize || content.Length < FixedSize + length + 2)
        {
            throw _file.NotOpened();
        }

        if (!content.Slice(ConfigurationOffset, ConfigurationSize).SequenceEqual(_configuration))
        {
            throw NotUsed("it was made under another configuration file; the next lease replaces it");
        }

        string lease = Encoding.ASCII.GetString(content.Slice(FixedSize, length));
        LeaseTerms terms = LeaseReader.Read(lease, _broker.Pins, new LeaseExpectation(null, null, _cluster, _broker.Kek, 0));
        if (sealedAt < terms.Time || wraps < 0 || unwraps < 0 || wraps > terms.Wraps || unwraps > terms.Unwraps)
        {
            throw _file.NotOpened();
        }

        // What the host's clock says has gone by since, and never less than nothing.
        long now = sealedAt + Math.Max(0, HostTime() - hostTime);
        if (now >= terms.Expires + (terms.GraceSeconds * 1000))
        {
            throw NotUsed("its lease is over");
        }

        return new RestoredLease(terms, lease, ReadKeks(content[(FixedSize + length)..], terms), now, new LeaseUses(wraps, unwraps));
    }

    private KekRing ReadKeks(ReadOnlySpan<byte> entries, LeaseTerms terms)
    {
        int count = BinaryPrimitives.ReadUInt16BigEndian(entries);
        entries = entries[2..];
        LeasedVersion[] enabled = terms.Release ? [.. terms.Versions.Where(version => version.Enabled)] : [];
        List<Kek> keks = [];
        Span<byte> key = stackalloc byte[SecretKey.Size];
        try
        {
            if (entries.Length != count * EntrySize || count != enabled.Length)
            {
                throw _file.NotOpened();
            }

            foreach (LeasedVersion version in enabled)
            {
                KekIdentity identity = HeldLease.Identity(terms, version);
                if (new KeyFingerprint(entries[..KeyFingerprint.Size]) != identity.Fingerprint())
                {
                    throw _file.NotOpened();
                }

                entries.Slice(KeyFingerprint.Size, SecretKey.Size).CopyTo(key);
                keks.Add(Kek.Leased(identity, SecretKey.TakeOver(_arena, key)));
                entries = entries[EntrySize..];
            }

            return new KekRing(keks, null);
        }
        catch
        {
            keks.ForEach(kek => kek.Dispose());
            throw;
        }
    }

    private SealException NotUsed(string why) => new($"the sealed copy {_file.Location} is not used: {why}");
}
