# Code without any symbol.
  .section socket,"ax",@progbits
  r0 = 0
  exit
