using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Broker.Policies;

namespace Cloister.Broker.Tests;

public sealed class ReleasePolicyReaderTests
{
    private const string Head = "apiVersion: cloister.dev/v1alpha1\nkind: ReleasePolicy\nmetadata: { name: p }\nspec:\n";

    [Fact]
    public void WhatIsLeftOutHasItsDefault()
    {
        ReleasePolicyReadResult read = ReleasePolicyReader.Read(Head + "  appraisal: {}\n  configDigests: any\n  lease: { wraps: 1, unwraps: 2 }\n");
        Assert.True(read.IsValid, string.Join('\n', read.Errors));
        Assert.Equal(new LeaseAllowance(TimeSpan.FromHours(1), TimeSpan.Zero, 1, 2), read.Policy.Lease);
        Assert.Null(read.Policy.ConfigDigests);
        Assert.Empty(read.Policy.Roots);
        Assert.Empty(read.Policy.Appraisal.Sections);
    }

    [Fact]
    public void AllErrorsAreReportedAtOnce()
    {
        ReleasePolicyReadResult read = ReleasePolicyReader.Read(
            Head + "  appraisal: { sgx: { colour: red } }\n  configDigests: [abc]\n  roots: [x]\n  other: 1\n  lease: { duration: 25h, grace: soon, wraps: -1 }\n");
        Assert.False(read.IsValid);
        string[] paths =
        [
            "spec.appraisal.sgx.colour", "spec.configDigests", "spec.roots", "spec.other", "spec.lease.duration", "spec.lease.grace", "spec.lease.wraps", "spec.lease.unwraps",
        ];
        Assert.Superset(paths.ToHashSet(), read.Errors.Select(e => e.Path).ToHashSet());
    }

    [Fact]
    public void GatewaysHaveTheNamesThatAreWritten()
    {
        ReleasePolicyReadResult read = ReleasePolicyReader.Read(
            Head + "  appraisal: {}\n  configDigests: any\n  lease: { wraps: 1, unwraps: 2 }\n  gateway: { names: [Node.example, 10.0.0.7, \"fd00::1\"] }\n");
        Assert.True(read.IsValid, string.Join('\n', read.Errors));
        Assert.Equal(["node.example", "10.0.0.7", "fd00::1"], read.Policy.GatewayNames);
    }

    [Theory]
    [InlineData("{ names: [\"*.example\"] }")]
    [InlineData("{ names: [a b] }")]
    [InlineData("{ names: node.example }")]
    [InlineData("{ names: [[]] }")]
    [InlineData("{ name: [node.example] }")]
    public void OtherNamesAreRefused(string gateway) => Assert.Contains(
        ReleasePolicyReader.Read($"{Head}  appraisal: {{}}\n  configDigests: any\n  lease: {{ wraps: 1, unwraps: 1 }}\n  gateway: {gateway}\n").Errors,
        error => error.Path.StartsWith("spec.gateway.name", StringComparison.Ordinal));

    [Fact]
    public void GatewaysTrustWhoIsWritten()
    {
        (string one, byte[] oneDer) = Certificate(isAuthority: true);
        (string two, byte[] twoDer) = Certificate(isAuthority: true);
        ReleasePolicyReadResult read = ReleasePolicyReader.Read(With($"clientCa: |\n{one}{two}    etcdCa: |\n{two}"));
        Assert.True(read.IsValid, string.Join('\n', read.Errors));
        Assert.Equal([oneDer, twoDer], read.Policy.GatewayTrust!.ClientAuthorities);
        Assert.Equal([twoDer], read.Policy.GatewayTrust.EtcdAuthorities);
        Assert.Null(ReleasePolicyReader.Read(With("names: [a.example]\n")).Policy!.GatewayTrust);
    }

    [Fact]
    public void WhoIsNoAuthorityIsRefused()
    {
        (string authority, _) = Certificate(isAuthority: true);
        (string leaf, _) = Certificate(isAuthority: false);
        foreach (string text in (string[])[$"|\n{leaf}", $"|\n{authority}{leaf}", "''", "broker", "[a]", $"|\n{string.Concat(Enumerable.Repeat(authority, 9))}"])
        {
            Assert.Equal("spec.gateway.clientCa", Assert.Single(ReleasePolicyReader.Read(With($"clientCa: {text}\n")).Errors).Path);
            Assert.Equal("spec.gateway.etcdCa", Assert.Single(ReleasePolicyReader.Read(With($"etcdCa: {text}\n")).Errors).Path);
        }
    }

    [Theory]
    [InlineData("9s")]
    [InlineData("0h")]
    [InlineData("1441m")]
    [InlineData("1d")]
    [InlineData("h")]
    [InlineData("1.5h")]
    public void DurationsOutOfBoundsAreRefused(string duration) =>
        Assert.False(ReleasePolicyReader.Read($"{Head}  appraisal: {{}}\n  configDigests: any\n  lease: {{ duration: {duration}, wraps: 1, unwraps: 1 }}\n").IsValid);

    [Theory]
    [InlineData("kind: AppraisalPolicy")]
    [InlineData("")]
    [InlineData("- a")]
    public void OtherDocumentsAreRefused(string yaml) => Assert.False(ReleasePolicyReader.Read(yaml).IsValid);

    private static string With(string gateway) =>
        $"{Head}  appraisal: {{}}\n  configDigests: any\n  lease: {{ wraps: 1, unwraps: 2 }}\n  gateway:\n    {gateway}";

    private static (string Block, byte[] Der) Certificate(bool isAuthority)
    {
        using RSA key = RSA.Create(2048);
        CertificateRequest request = new("CN=kubernetes", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
        return (string.Concat(certificate.ExportCertificatePem().Split('\n').Select(line => $"      {line}\n")), certificate.RawData);
    }
}
