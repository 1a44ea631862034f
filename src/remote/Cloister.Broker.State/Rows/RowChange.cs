using System.Buffers.Binary;
using System.Text;

namespace Cloister.Broker.State.Rows;

/// <summary>A change of a row that decides, as the database gives it.</summary>
internal sealed class RowChange
{
    public const string Columns = "Seq, KeyVersion, TableName, RowId, Digest, Mac";

    public long Seq { get; set; }

    public long KeyVersion { get; set; } = RowKey.Version;

    public string TableName { get; set; } = "";

    public string RowId { get; set; } = "";

    public byte[] Digest { get; set; } = [];

    public byte[] Mac { get; set; } = [];

    public RowName Name => new(TableName, RowId);

    /// <summary>The change after a head.</summary>
    public static RowChange After(RowHead head, RowName name, byte[] digest, RowKey key)
    {
        var change = new RowChange { Seq = head.Seq + 1, TableName = name.Table, RowId = name.Id, Digest = digest };
        change.Mac = key.Mac(change.Message(head));
        return change;
    }

    /// <summary>Whether this is what this key made after that head.</summary>
    public bool Follows(RowHead head, RowKey key) =>
        Seq == head.Seq + 1 && KeyVersion == RowKey.Version && System.Security.Cryptography.CryptographicOperations.FixedTimeEquals(Mac, key.Mac(Message(head)));

    // label, number, version of the key, MAC of the change before, then table, identity and digest, each preceded by its length.
    private byte[] Message(RowHead before)
    {
        using var message = new MemoryStream();
        Span<byte> number = stackalloc byte[8];
        message.Write("cloister-row-change-v1"u8);
        Number(number, Seq);
        Number(number, KeyVersion);
        message.Write(before.Mac);
        Bytes(number, Encoding.UTF8.GetBytes(TableName));
        Bytes(number, Encoding.UTF8.GetBytes(RowId));
        Bytes(number, Digest);
        return message.ToArray();

        void Number(Span<byte> buffer, long value)
        {
            BinaryPrimitives.WriteInt64BigEndian(buffer, value);
            message.Write(buffer);
        }

        void Bytes(Span<byte> buffer, byte[] value)
        {
            Number(buffer, value.Length);
            message.Write(value);
        }
    }
}
