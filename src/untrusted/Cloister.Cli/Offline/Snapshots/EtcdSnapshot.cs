using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cloister.Contracts.Wire;
using Microsoft.Win32.SafeHandles;

namespace Cloister.Cli.Offline.Snapshots;

/// <summary>
/// The newest values in a snapshot of etcd (<c>etcdctl snapshot save</c>, or a copy of <c>member/snap/db</c> of a stopped member), after the file was
/// checked: the checksum at its end, its pages (<see cref="BoltCheck"/>), and what etcd says of itself in it.
/// Source: go.etcd.io/etcd, server/storage/mvcc: bucket <c>key</c> holds revisions, <c>main 8 | _ | sub 8</c> big-endian, with a <c>t</c>
/// after it when the key was deleted; the value is mvccpb.KeyValue. Bucket <c>meta</c> has consistent_index, 8 bytes. A snapshot that was saved ends
/// with SHA-256 of what is before. secrets: values may be Secrets in clear.
/// </summary>
/// <param name="Values">Keys under a prefix with their values, in order.</param>
/// <param name="Saved">Whether it has a checksum, which was right; without one it is a copy of a database file, whose pages alone were checked.</param>
/// <param name="Pages">Pages of the database, used and free.</param>
/// <param name="PagesInUse">Pages that were reached, each once.</param>
/// <param name="Revisions">Entries of etcd's history.</param>
/// <param name="Revision">The newest revision.</param>
/// <param name="ConsistentIndex">The last entry of etcd's log that is in it.</param>
internal sealed record EtcdSnapshot(
    SortedDictionary<string, byte[]> Values, bool Saved, long Pages, int PagesInUse, long Revisions, long Revision, ulong ConsistentIndex)
{
    private const int RevisionSize = 17;
    private const int HashSize = 32;
    private const int Sector = 512;

    /// <summary>Reads and checks all of it.</summary>
    /// <exception cref="CliException">It cannot be read, or is not whole.</exception>
    internal static EtcdSnapshot Read(string path, string prefix)
    {
        try
        {
            using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, FileOptions.RandomAccess);
            long length = RandomAccess.GetLength(file);
            bool saved = length % Sector == HashSize;
            BoltPages pages = BoltPages.Open(file, saved ? CheckHash(path, length) : length, saved);
            int inUse = BoltCheck.Run(pages);
            return Read(new BoltDatabase(pages), Encoding.UTF8.GetBytes(prefix)) with { Saved = saved, Pages = pages.Count, PagesInUse = inUse };
        }
        catch (Exception e) when (e is SnapshotException or WireException)
        {
            throw new CliException($"{path} is not a whole snapshot of etcd: {e.Message}; take another copy, or save it again with 'etcdctl snapshot save'");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"{path} cannot be read: {e.Message}");
        }
    }

    // Bytes that are the database.
    private static long CheckHash(string path, long length)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[1 << 20];
        for (long left = length - HashSize; left > 0;)
        {
            int read = stream.Read(buffer, 0, (int)Math.Min(left, buffer.Length));
            left -= read > 0 ? read : throw new SnapshotException("it ended while it was read");
            hash.AppendData(buffer, 0, read);
        }

        byte[] written = new byte[HashSize];
        stream.ReadExactly(written);
        return hash.GetHashAndReset().AsSpan().SequenceEqual(written) ? length - HashSize : throw new SnapshotException("its checksum is not that of its content");
    }

    private static EtcdSnapshot Read(BoltDatabase database, byte[] prefix)
    {
        SortedDictionary<string, byte[]> values = new(StringComparer.Ordinal);
        (long revisions, ulong newest) = (0, 0);
        foreach (BoltEntry entry in database.Bucket("key"u8.ToArray()))
        {
            ReadOnlySpan<byte> revision = entry.Key.Span;
            if (entry.IsBucket || revision.Length is not (RevisionSize or RevisionSize + 1) || revision[8] != '_' || (revision.Length > RevisionSize && revision[RevisionSize] != 't'))
            {
                throw new SnapshotException("a revision is damaged");
            }

            bool deleted = revision.Length > RevisionSize;
            (revisions, newest) = (revisions + 1, BinaryPrimitives.ReadUInt64BigEndian(revision));
            (Range key, Range value) = ReadKeyValue(entry.Value.Span, deleted ? null : newest);
            ReadOnlySpan<byte> name = entry.Value.Span[key];
            if (!name.StartsWith(prefix))
            {
                continue;
            }

            // In the order of revisions: the last one stays.
            if (deleted)
            {
                values.Remove(Encoding.UTF8.GetString(name));
            }
            else
            {
                values[Encoding.UTF8.GetString(name)] = entry.Value.Span[value].ToArray();
            }
        }

        return new EtcdSnapshot(values, false, 0, 0, revisions, checked((long)newest), ConsistentIndexOf(database));
    }

    private static ulong ConsistentIndexOf(BoltDatabase database)
    {
        BoltEntry index = database.Bucket("meta"u8.ToArray()).FirstOrDefault(entry => entry.Key.Span.SequenceEqual("consistent_index"u8));
        return index.Value.Length == sizeof(ulong) && BinaryPrimitives.ReadUInt64BigEndian(index.Value.Span) is > 0 and ulong applied
            ? applied
            : throw new SnapshotException("it does not say how much of etcd's log is in it");
    }

    // mvccpb.KeyValue: key 1, create_revision 2, mod_revision 3, version 4, value 5; of a deletion the key alone.
    private static (Range Key, Range Value) ReadKeyValue(ReadOnlySpan<byte> message, ulong? revision)
    {
        (Range key, Range value, ulong created, ulong modified) = (0..0, 0..0, 0ul, 0ul);
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    key = reader.BytesRange();
                    break;
                case 2:
                    created = reader.Integer();
                    break;
                case 3:
                    modified = reader.Integer();
                    break;
                case 5:
                    value = reader.BytesRange();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return !message[key].IsEmpty && (revision is null || (modified == revision && created > 0 && created <= modified))
            ? (key, value)
            : throw new SnapshotException("a pair is not of the revision that it stands under");
    }
}
