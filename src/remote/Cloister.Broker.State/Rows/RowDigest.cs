using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Cloister.Broker.State.Rows;

/// <summary>
/// SHA-256 of a row: label, table, identity, then name and value of every column that is not null, each preceded by its length (32 bits, big-endian).
/// A column that is added later is left out where it has its default, so that rows of before keep their digests.
/// </summary>
internal sealed class RowDigest
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public RowDigest(RowName name)
    {
        Text("cloister-row-v1");
        Text(name.Table);
        Text(name.Id);
    }

    public RowDigest Add(string column, string? value)
    {
        if (value is not null)
        {
            Text(column);
            Text(value);
        }
        return this;
    }

    public RowDigest Add(string column, long? value) => Add(column, value?.ToString(CultureInfo.InvariantCulture));

    public byte[] Finish()
    {
        byte[] digest = _hash.GetHashAndReset();
        _hash.Dispose();
        return digest;
    }

    private void Text(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
        _hash.AppendData(length);
        _hash.AppendData(bytes);
    }
}
