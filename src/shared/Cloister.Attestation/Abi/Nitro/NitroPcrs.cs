namespace Cloister.Attestation.Abi.Nitro;

/// <summary>Platform configuration registers of an attestation document, by index. A register that the document leaves out is absent, never zero.</summary>
public sealed class NitroPcrs
{
    /// <summary>How many registers there can be.</summary>
    public const int Count = 32;

    private readonly ReadOnlyMemory<byte>?[] _values = new ReadOnlyMemory<byte>?[Count];

    /// <summary>The value of a register, or null where the document does not have it.</summary>
    /// <param name="index">0 to 31.</param>
    public ReadOnlyMemory<byte>? this[int index]
    {
        get => _values[index];
        internal set => _values[index] = value;
    }

    /// <summary>The registers the document has, in order of their index.</summary>
    public IEnumerable<(int Index, ReadOnlyMemory<byte> Value)> Present
    {
        get
        {
            for (int index = 0; index < Count; index++)
            {
                if (_values[index] is { } value)
                {
                    yield return (index, value);
                }
            }
        }
    }
}
