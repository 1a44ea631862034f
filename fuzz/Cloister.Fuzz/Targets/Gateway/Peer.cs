namespace Cloister.Fuzz.Targets.Gateway;

/// <summary>A connection whose other end is the input: gives what was put in, and keeps what is written.</summary>
internal sealed class Peer : Stream
{
    private readonly Lock _lock = new();
    private readonly MemoryStream _written = new();
    private byte[] _input = [];
    private int _position;
    private bool _closed;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>What is read next, until its end.</summary>
    internal void Put(byte[] bytes) => (_input, _position) = (bytes, 0);

    /// <summary>What was written since the last time.</summary>
    /// <param name="last">Later writes, of a timer, are dropped.</param>
    internal byte[] Take(bool last)
    {
        lock (_lock)
        {
            _closed = last;
            byte[] bytes = _written.ToArray();
            _written.SetLength(0);
            return bytes;
        }
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        int count = Math.Min(buffer.Length, _input.Length - _position);
        _input.AsSpan(_position, count).CopyTo(buffer);
        _position += count;
        return count;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        lock (_lock)
        {
            if (!_closed)
            {
                _written.Write(buffer);
            }
        }
    }

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
