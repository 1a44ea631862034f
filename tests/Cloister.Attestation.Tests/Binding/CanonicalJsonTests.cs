using System.Text;
using Cloister.Attestation.Abi;
using Cloister.Attestation.Binding;

namespace Cloister.Attestation.Tests.Binding;

public sealed class CanonicalJsonTests
{
    // RFC 8785, 3.2.2 and 3.2.3, and appendix B.
    [Theory]
    [InlineData("{\"b\":1,\"a\":[true,false,null]}", "{\"a\":[true,false,null],\"b\":1}")]
    [InlineData("{\"numbers\":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001]}", "{\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27]}")]
    [InlineData("\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\"", "\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"")]
    [InlineData("[0,-0,1e21,1e20,123456789012345680000,1e-6,1e-7,9007199254740991,-1.5]", "[0,0,1e+21,100000000000000000000,123456789012345680000,0.000001,1e-7,9007199254740991,-1.5]")]
    [InlineData(" { \"z\" : { } , \"A\" : \"\\u0001\" } ", "{\"A\":\"\\u0001\",\"z\":{}}")]
    [InlineData("5e-324", "5e-324")]
    [InlineData("1.7976931348623157e308", "1.7976931348623157e+308")]
    public void Canonical_form(string json, string canonical) =>
        Assert.Equal(canonical, Encoding.UTF8.GetString(CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(json))));

    [Fact]
    public void Fields_are_sorted_by_utf16_code_units()
    {
        // RFC 8785, 3.2.3: the surrogate pair sorts before U+FB33.
        string json = "{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude02\":5,\"\\u0080\":6,\"\\u00f6\":7}";
        Assert.Equal(
            "{\"\\r\":2,\"1\":4,\"\u0080\":6,\"\u00f6\":7,\"\u20ac\":1,\"\ud83d\ude02\":5,\"\ufb33\":3}",
            Encoding.UTF8.GetString(CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(json))));
    }

    [Theory]
    [InlineData("{\"a\":1,\"a\":2}")]
    [InlineData("{\"a\":1,\"\\u0061\":2}")]
    [InlineData("\"\\ud800\"")]
    [InlineData("{\"\\udc00\":1}")]
    [InlineData("1e999")]
    [InlineData("[1,]")]
    [InlineData("")]
    [InlineData("{}{}")]
    public void What_has_no_canonical_form_is_refused(string json) =>
        Assert.Throws<EvidenceFormatException>(() => CanonicalJson.Canonicalize(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Deep_nesting_is_refused() =>
        Assert.Throws<EvidenceFormatException>(() => CanonicalJson.Canonicalize(Encoding.ASCII.GetBytes(new string('[', 100_000))));
}
