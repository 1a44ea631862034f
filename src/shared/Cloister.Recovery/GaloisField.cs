namespace Cloister.Recovery;

/// <summary>GF(2^8) with the polynomial 0x11B. No tables and no branches on values: neither caches nor time tell them.</summary>
internal static class GaloisField
{
    public static byte Multiply(byte a, byte b)
    {
        unchecked
        {
            uint left = a;
            uint right = b;
            uint product = 0;
            for (int i = 0; i < 8; i++)
            {
                product ^= left & (0u - (right & 1));
                left = (left << 1) ^ (0x11B & (0u - (left >> 7)));
                right >>= 1;
            }

            return (byte)product;
        }
    }

    /// <summary>a to the 254: the inverse; 0 of 0.</summary>
    public static byte Inverse(byte a)
    {
        byte power = a;
        byte result = 1;
        for (int i = 0; i < 7; i++)
        {
            power = Multiply(power, power);
            result = Multiply(result, power);
        }

        return result;
    }
}
