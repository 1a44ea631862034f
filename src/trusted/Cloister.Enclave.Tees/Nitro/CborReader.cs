using System.Buffers.Binary;

namespace Cloister.Enclave.Tees.Nitro;

/// <summary>
/// Reads CBOR of the NSM in place: answers and attestation documents. Strings and counts have a length inside the input; maps and arrays may
/// be of indefinite length, strings may not. Source: RFC 8949, section 3. secrets: none.
/// </summary>
internal ref struct CborReader
{
    internal const byte Null = 0xF6;

    private const byte Break = 0xFF;
    private const int MaxDepth = 8;

    private ReadOnlySpan<byte> _rest;

    internal CborReader(ReadOnlySpan<byte> input)
    {
        _rest = input;
    }

    internal readonly bool IsAtEnd => _rest.IsEmpty;

    internal readonly bool IsNull => !_rest.IsEmpty && _rest[0] == Null;

    /// <summary>A byte string.</summary>
    /// <exception cref="FormatException">Something else is there.</exception>
    internal ReadOnlySpan<byte> Bytes() => String(CborKind.Bytes);

    /// <summary>A text, as its bytes.</summary>
    /// <exception cref="FormatException">Something else is there.</exception>
    internal ReadOnlySpan<byte> Text() => String(CborKind.Text);

    /// <summary>The beginning of an array of exactly so many items.</summary>
    /// <exception cref="FormatException">Something else is there.</exception>
    internal void Array(ulong items)
    {
        if (Head(CborKind.Array) != items)
        {
            throw new FormatException();
        }
    }

    /// <summary>The beginning of a map.</summary>
    /// <returns>How many pairs, or null when a break ends it.</returns>
    /// <exception cref="FormatException">Something else is there.</exception>
    internal ulong? Map() => Head(CborKind.Map);

    /// <summary>Passes a tag, if there is one.</summary>
    /// <exception cref="FormatException">The input ends inside it.</exception>
    internal void OptionalTag()
    {
        if (!_rest.IsEmpty && _rest[0] >> 5 == (int)CborKind.Tag)
        {
            Head(CborKind.Tag);
        }
    }

    /// <summary>Whether a map or array goes on; passes its break.</summary>
    /// <param name="left">What its beginning said; counted down.</param>
    /// <exception cref="FormatException">The input ends.</exception>
    internal bool GoesOn(ref ulong? left)
    {
        if (left is { } count)
        {
            left = count == 0 ? 0 : count - 1;
            return count > 0;
        }

        if (_rest.IsEmpty)
        {
            throw new FormatException();
        }

        if (_rest[0] != Break)
        {
            return true;
        }

        _rest = _rest[1..];
        return false;
    }

    /// <summary>Passes one item, whatever it is.</summary>
    /// <exception cref="FormatException">It is not well-formed.</exception>
    internal void Skip() => Skip(0);

    private void Skip(int depth)
    {
        if (_rest.IsEmpty || depth > MaxDepth)
        {
            throw new FormatException();
        }

        CborKind kind = (CborKind)(_rest[0] >> 5);
        if (kind is CborKind.Bytes or CborKind.Text)
        {
            String(kind);
            return;
        }

        ulong? value = Head(kind);
        if (kind == CborKind.Tag)
        {
            Skip(depth + 1);
        }
        else if (kind is CborKind.Array or CborKind.Map)
        {
            while (GoesOn(ref value))
            {
                Skip(depth + 1);
                if (kind == CborKind.Map)
                {
                    Skip(depth + 1);
                }
            }
        }
    }

    private ReadOnlySpan<byte> String(CborKind kind)
    {
        if (Head(kind) is not { } length || length > (ulong)_rest.Length)
        {
            throw new FormatException();
        }

        ReadOnlySpan<byte> content = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return content;
    }

    // Null: indefinite, for maps and arrays only.
    private ulong? Head(CborKind kind)
    {
        if (_rest.IsEmpty || _rest[0] >> 5 != (int)kind)
        {
            throw new FormatException();
        }

        int more = _rest[0] & 0x1F;
        if (more == 31 && kind is CborKind.Array or CborKind.Map)
        {
            _rest = _rest[1..];
            return null;
        }

        int size = more switch
        {
            < 24 => 0,
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => throw new FormatException(),
        };
        if (_rest.Length < 1 + size)
        {
            throw new FormatException();
        }

        ReadOnlySpan<byte> number = _rest.Slice(1, size);
        _rest = _rest[(1 + size)..];
        return size switch
        {
            0 => (ulong)more,
            1 => number[0],
            2 => BinaryPrimitives.ReadUInt16BigEndian(number),
            4 => BinaryPrimitives.ReadUInt32BigEndian(number),
            _ => BinaryPrimitives.ReadUInt64BigEndian(number),
        };
    }
}
