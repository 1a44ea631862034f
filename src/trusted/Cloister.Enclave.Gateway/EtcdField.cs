namespace Cloister.Enclave.Gateway;

/// <summary>A length-delimited field on the way to a covered value, or the value itself. Offsets are from the start of the message. secrets: none.</summary>
internal struct EtcdField
{
    /// <summary>Offset of the length in front of the content.</summary>
    internal int LengthAt;

    /// <summary>Offset of the content.</summary>
    internal int Start;

    /// <summary>Bytes of the content.</summary>
    internal int Length;

    /// <summary>Index of the field around this one, or -1. Always smaller than its own.</summary>
    internal int Parent;

    /// <summary>A value, not a message.</summary>
    internal bool IsValue;

    /// <summary>Values: offset of the etcd key.</summary>
    internal int KeyStart;

    /// <summary>Values: bytes of the etcd key.</summary>
    internal int KeyLength;
}
