using System.Text;
using Cloister.Attestation.Binding;
using Cloister.Enclave.Broker;
using Cloister.Kbs;

namespace Cloister.Enclave.Tests.Broker;

public sealed class RuntimeBindingTests
{
    [Theory]
    [InlineData("prod-1")]
    [InlineData("a\"b\\c+<>&'/")]
    public void Binds_what_a_verifier_computes(string cluster)
    {
        using AttestedKey key = new();
        string statement = EnclaveStatementText.Write(new EnclaveStatement(2, StatementPurpose.Lease, cluster, "p", new string('0', 96), "main", "", 0, 7, ""));
        AssertSame(statement, key.Jwk);
    }

    [Fact]
    public void Escapes_like_the_canonical_form()
    {
        using AttestedKey key = new();
        AssertSame(new string([.. Enumerable.Range(0, 128).Select(i => (char)i)]), key.Jwk);
    }

    [Fact]
    public void Other_than_ascii_is_refused() => Assert.Throws<BrokerException>(() => RuntimeBinding.ReportData("", "é", "{}"));

    [Fact]
    public void A_long_statement_is_refused() => Assert.Throws<BrokerException>(() =>
        EnclaveStatementText.Write(new EnclaveStatement(2, StatementPurpose.Lease, new string('c', KbsPaths.MaxStatementSize), "p", "", "main", "", 0, 0, "")));

    private static void AssertSame(string additional, string jwk)
    {
        RuntimeData expected = new("bm9uY2U=", Encoding.UTF8.GetBytes(jwk), additional);
        Assert.Equal(Encoding.UTF8.GetString(expected.Canonical.Span), RuntimeBinding.Canonical(additional, "bm9uY2U=", jwk));
        Assert.Equal(expected.ReportData.ToArray(), RuntimeBinding.ReportData(additional, "bm9uY2U=", jwk));
    }
}
