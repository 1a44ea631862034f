using System.Globalization;
using System.Text;
using Cloister.Attestation.Abi;

namespace Cloister.Attestation.Binding;

/// <summary>Numbers as ECMAScript writes them (RFC 8785, 3.2.2.3; ECMA-262, Number::toString).</summary>
internal static class CanonicalNumber
{
    public static string Format(double value)
    {
        if (!double.IsFinite(value))
        {
            throw new EvidenceFormatException("json", 0, "a number outside IEEE 754 double");
        }

        if (value == 0)
        {
            return "0";
        }

        // "E16" would give 17 digits; the shortest digits that read back come from "R", in one of two shapes.
        string shortest = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture);
        int e = shortest.IndexOf('E', StringComparison.Ordinal);
        int exponent = e < 0 ? 0 : int.Parse(shortest.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string mantissa = e < 0 ? shortest : shortest[..e];
        int point = mantissa.IndexOf('.', StringComparison.Ordinal);
        string digits = mantissa.Replace(".", "", StringComparison.Ordinal);
        int n = (point < 0 ? digits.Length : point) + exponent;
        string withoutLeading = digits.TrimStart('0');
        n -= digits.Length - withoutLeading.Length;
        return (value < 0 ? "-" : "") + Layout(withoutLeading.TrimEnd('0'), n);
    }

    /// <summary>ECMA-262, Number::toString, steps 6 to 10: the value is 0.digits times 10 to the <paramref name="n"/>.</summary>
    private static string Layout(string digits, int n)
    {
        int k = digits.Length;
        if (k <= n && n <= 21)
        {
            return digits + new string('0', n - k);
        }

        if (n is > 0 and <= 21)
        {
            return $"{digits[..n]}.{digits[n..]}";
        }

        if (n is > -6 and <= 0)
        {
            return $"0.{new string('0', -n)}{digits}";
        }

        StringBuilder text = new();
        text.Append(digits[0]);
        if (k > 1)
        {
            text.Append('.').Append(digits, 1, k - 1);
        }

        return text.Append('e').Append(n - 1 < 0 ? '-' : '+').Append(Math.Abs(n - 1).ToString(CultureInfo.InvariantCulture)).ToString();
    }
}
