using System.Security.Cryptography;
using System.Text;
using Cloister.Contracts.Wire;
using Microsoft.Win32.SafeHandles;

namespace Cloister.Cli.Offline.Snapshots;

/// <summary>
/// The newest values in a snapshot of etcd (<c>etcdctl snapshot save</c>, or a copy of <c>member/snap/db</c> of a stopped member).
/// Source: go.etcd.io/etcd, server/storage/mvcc: bucket <c>key</c> holds revisions, <c>main 8 | _ | sub 8</c> big-endian, with a <c>t</c>
/// after it when the key was deleted; the value is mvccpb.KeyValue. A snapshot that was saved ends with SHA-256 of what is before.
/// secrets: values may be Secrets in clear.
/// </summary>
internal static class EtcdSnapshot
{
    private const int RevisionSize = 17;
    private const int HashSize = 32;
    private const int Sector = 512;

    /// <summary>Keys under a prefix with their values, in order.</summary>
    /// <exception cref="CliException">It cannot be read, or is not whole.</exception>
    internal static SortedDictionary<string, byte[]> Read(string path, string prefix)
    {
        try
        {
            using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, FileOptions.RandomAccess);
            return Read(new BoltDatabase(BoltPages.Open(file, CheckHash(path, RandomAccess.GetLength(file)))), Encoding.UTF8.GetBytes(prefix));
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
        if (length % Sector != HashSize)
        {
            return length;
        }

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

    private static SortedDictionary<string, byte[]> Read(BoltDatabase database, byte[] prefix)
    {
        SortedDictionary<string, byte[]> values = new(StringComparer.Ordinal);
        foreach (BoltEntry entry in database.Bucket("key"u8.ToArray()))
        {
            ReadOnlySpan<byte> revision = entry.Key.Span;
            if (revision.Length is not (RevisionSize or RevisionSize + 1) || revision[8] != '_')
            {
                throw new SnapshotException("a revision is damaged");
            }

            (Range key, Range value) = ReadKeyValue(entry.Value.Span);
            ReadOnlySpan<byte> name = entry.Value.Span[key];
            if (!name.StartsWith(prefix))
            {
                continue;
            }

            // In the order of revisions: the last one stays.
            if (revision.Length > RevisionSize)
            {
                values.Remove(Encoding.UTF8.GetString(name));
            }
            else
            {
                values[Encoding.UTF8.GetString(name)] = entry.Value.Span[value].ToArray();
            }
        }

        return values;
    }

    private static (Range Key, Range Value) ReadKeyValue(ReadOnlySpan<byte> message)
    {
        (Range key, Range value) = (0..0, 0..0);
        ProtoReader reader = new(message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    key = reader.BytesRange();
                    break;
                case 5:
                    value = reader.BytesRange();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return (key, value);
    }
}
