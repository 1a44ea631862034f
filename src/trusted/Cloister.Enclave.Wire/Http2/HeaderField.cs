namespace Cloister.Enclave.Wire.Http2;

/// <summary>One header, as bytes. The arrays are shared with HPACK's tables and never change. secrets: none.</summary>
/// <param name="Name">Name.</param>
/// <param name="Value">Value.</param>
/// <param name="Sensitive">Its sender wants it in no table, here neither. Source: RFC 7541, section 6.2.3.</param>
internal readonly record struct HeaderField(byte[] Name, byte[] Value, bool Sensitive = false)
{
    /// <summary>What HPACK counts for a field besides its bytes. Source: RFC 7541, section 4.1.</summary>
    internal const int Overhead = 32;

    internal int Size => Name.Length + Value.Length + Overhead;

    internal bool Is(ReadOnlySpan<byte> name) => Name.AsSpan().SequenceEqual(name);
}
