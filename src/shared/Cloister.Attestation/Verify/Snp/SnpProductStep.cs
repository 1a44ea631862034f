using Cloister.Attestation.Abi.Snp;

namespace Cloister.Attestation.Verify.Snp;

/// <summary>
/// Report and certificate name the same product line: the report by its CPUID (from version 3 on), the certificate by its product
/// name, its issuer and its set of extensions. The product line decides how a TCB_VERSION is laid out, so it must be settled first.
/// </summary>
internal sealed class SnpProductStep() : VerificationStep<SnpVerification>("product", "AMD 56860, table 23 (CPUID_FAM_ID, CPUID_MOD_ID); AMD 57230, product names and certificate extensions")
{
    public override StepFailure? Check(SnpVerification context)
    {
        SnpVekExtensions extensions = context.Extensions;
        if (extensions.ProductLine is not { } product)
        {
            return Fail("unknown_product", $"the certificate is for the product '{extensions.ProductName}'");
        }

        if (context.Report.Processor is { } processor && processor.ProductLine != product)
        {
            return Fail("product_mismatch", $"the report is of a processor of family {processor.Family:x}h model {processor.Model:x}h, the certificate for '{extensions.ProductName}'");
        }

        bool isTurin = product == SnpProductLine.Turin;
        if (isTurin != extensions.Fmc.HasValue)
        {
            return Fail("product_mismatch", $"a certificate for '{extensions.ProductName}' {(isTurin ? "without" : "with")} an FMC level");
        }

        context.Product = product;
        return null;
    }
}
